//! Lists that are files of this machine: their changes are seen.

use std::fs;

use squelch::config::ListSource as Source;

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
