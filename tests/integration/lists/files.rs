//! Lists that are files of this machine: their changes are seen.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use squelch::config::ListSource as Source;
use squelch::lists::Subscription;

use super::server::Server;
use super::{GOOD, Home, list, terms};

#[tokio::test]
async fn a_file_is_read_again_when_it_changes_and_kept_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list.txt");
    fs::write(&file, GOOD).unwrap();
    let lists = vec![list(Source::File(file.clone()))];
    let home = Home::keep(Server::start().await, terms(), lists).await;
    home.settle().await;
    assert_eq!(home.names().len(), 4);

    fs::write(&file, "x.example\ny.example\n").unwrap();
    home.subscriptions
        .watch_progress()
        .wait_for(|progress| progress.compiled == 2)
        .await
        .unwrap();
    assert_eq!(home.names(), ["x.example", "y.example"]);

    fs::remove_file(&file).unwrap();
    home.until(|all| all.lists[0].standing.problem.is_some())
        .await;
    let problem = home.status().standing.problem.unwrap().message;
    assert!(problem.starts_with("reading `"), "{problem}");
    assert_eq!(home.names(), ["x.example", "y.example"]);
}

#[tokio::test]
async fn a_folder_in_the_place_of_a_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let lists = vec![list(Source::File(folder.path().to_owned()))];
    let home = Home::keep(Server::start().await, terms(), lists).await;
    let problem = home.settle().await.standing.problem.unwrap().message;
    assert!(problem.ends_with("is a directory"), "{problem}");
}

/// Another list, which is a file.
fn more(file: &Path) -> Subscription {
    Subscription {
        id: "more".to_owned(),
        name: "more".to_owned(),
        ..list(Source::File(file.to_owned()))
    }
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_holds_up_no_other_list() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, file) = (folder.path().join("pipe"), folder.path().join("more.txt"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    fs::write(&file, "x.example\n").unwrap();
    let lists = vec![list(Source::File(pipe)), more(&file)];
    let home = Home::keep(Server::start().await, terms(), lists).await;
    let problem = home.settle().await.standing.problem.unwrap().message;
    assert!(
        problem.ends_with("is no file that can be copied"),
        "{problem}"
    );
    assert_eq!(home.names(), ["x.example"]);
}

#[tokio::test]
async fn a_list_whose_copy_is_lost_keeps_no_other_out_of_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("more.txt");
    fs::write(&file, "x.example\n").unwrap();
    let server = Server::start().await;
    server.serve("/list", GOOD);
    let url = server.url("lists.example", "/list");
    let lists = vec![list(Source::Url(url)), more(&file)];
    let home = Home::keep(server, terms(), lists).await;
    home.settle().await;
    assert_eq!(home.names().len(), 5);

    fs::remove_file(home.file("list.txt")).unwrap();
    fs::write(&file, "y.example\nz.example\n").unwrap();
    home.until(|all| all.lists[0].standing.problem.is_some())
        .await;
    let problem = home.status().standing.problem.unwrap().message;
    assert!(problem.contains("its copy cannot be read"), "{problem}");
    assert_eq!(home.names(), ["y.example", "z.example"]);
    // It is had again.
    home.refresh().await;
    assert_eq!(home.names().len(), 6);
    assert_eq!(home.status().standing.problem, None);
}

#[tokio::test]
async fn compiled_rules_that_were_damaged_are_made_anew() {
    let home = Home::with_good_list().await;
    let file = home.file("compiled.rules");
    let good = fs::read(&file).unwrap();
    let mut damaged = good.clone();
    // The table of four names: one line behind the header, which starts with their hashes.
    damaged[128..160].fill(0xff);
    overwrite(&file, &damaged);
    assert!(home.names().is_empty(), "damage is not read as names");

    let mut progress = home.subscriptions.watch_progress();
    progress
        .wait_for(|progress| progress.compiled == 2)
        .await
        .unwrap();
    assert_eq!(home.names().len(), 4);
    assert_eq!(fs::read(&file).unwrap(), good);
}

/// Writes into the file itself, which is mapped, as a failing disk would.
fn overwrite(file: &Path, bytes: &[u8]) {
    let mut file = File::options().write(true).open(file).unwrap();
    file.write_all(bytes).unwrap();
}
