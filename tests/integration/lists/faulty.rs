//! Everything that a list's server can do wrong. Each time the rules in force stay as they are,
//! and the message says what happened.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use squelch::config::{ListFormat, ListSource as Source};
use squelch::lists::{Subscription, Terms};

use super::server::{Reply, Server, answer};
use super::{GOOD, Home, list, terms};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn gzipped(body: &[u8]) -> Reply {
    Reply::Bytes(answer("200 OK", "Content-Encoding: gzip\r\n", body))
}

fn redirect(to: &str) -> Reply {
    Reply::Bytes(answer("302 Found", &format!("Location: {to}\r\n"), b""))
}

fn impatient() -> Terms {
    Terms {
        patience: Duration::from_millis(300),
        ..terms()
    }
}

#[tokio::test]
async fn a_list_that_is_gone_stays_in_force() {
    let home = Home::with_good_list().await;
    home.server
        .reply("/list", Reply::Bytes(answer("404 Not Found", "", b"gone")));
    assert_eq!(home.failure().await, "the server answers 404 Not Found");
}

#[tokio::test]
async fn a_server_with_an_error_changes_nothing_and_is_asked_again_soon() {
    let home = Home::with_good_list().await;
    let body = b"x.example\n";
    home.server.reply(
        "/list",
        Reply::Bytes(answer("500 Internal Server Error", "", body)),
    );
    assert_eq!(
        home.failure().await,
        "the server answers 500 Internal Server Error"
    );
    let status = home.status();
    let wait = status
        .next_at
        .unwrap()
        .duration_since(jiff::Timestamp::now());
    assert!((50..=60).contains(&wait.as_secs()), "{wait}");
    home.server.serve("/list", "x.example\ny.example\n");
    let status = home.refresh().await;
    assert_eq!(
        (status.standing.problem, status.standing.failures),
        (None, 0)
    );
    assert_eq!(home.names(), ["x.example", "y.example"]);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let home = Home::with(impatient()).await;
    home.server.reply("/list", Reply::Silence);
    assert_eq!(
        home.failure().await,
        "the server did not answer within 300 ms"
    );
}

#[tokio::test]
async fn a_server_that_refuses_the_connection_is_named() {
    let mut home = Home::with_good_list().await;
    let url = home.server.url("lists.example", "/list");
    home.server = Server::start().await;
    let message = home.failure().await;
    let port = url.port().unwrap();
    let expected = format!("asking `http://lists.example:{port}/list`: Connection refused");
    assert!(message.starts_with(&expected), "{message}");
}

#[tokio::test]
async fn a_web_page_in_the_place_of_a_list_is_held_back() {
    let home = Home::with_good_list().await;
    home.server.serve(
        "/list",
        "<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n",
    );
    let reason = home.held().await;
    assert_eq!(reason, "it has no entry: this is a web page, not a list");
}

#[tokio::test]
async fn an_archive_in_the_place_of_a_list_is_held_back() {
    let home = Home::with_good_list().await;
    home.server.serve("/list", b"PK\x03\x04\x14\x00list.txt");
    assert_eq!(
        home.held().await,
        "it has no entry: this is an archive: unpack it first"
    );
}

#[tokio::test]
async fn an_empty_list_is_held_back_until_it_is_confirmed() {
    let home = Home::with_good_list().await;
    home.server.serve("/list", "");
    assert_eq!(home.held().await, "it has no entry");
    assert!(home.subscriptions.confirm("list").await);
    home.subscriptions
        .watch_progress()
        .wait_for(|progress| progress.compiled == 2)
        .await
        .unwrap();
    assert!(home.names().is_empty());
    assert!(!home.subscriptions.confirm("list").await);
}

#[tokio::test]
async fn a_list_of_which_more_than_half_is_gone_is_held_back_until_it_is_whole_again() {
    let home = Home::with_good_list().await;
    home.server.serve("/list", "a.example\n");
    assert_eq!(
        home.held().await,
        "it has shrunk by more than half: 1 entries, before there were 4"
    );
    home.server.serve("/list", GOOD);
    assert_eq!(home.refresh().await.standing.held, None);
    home.server.serve("/list", "a.example\nb.example\n");
    assert_eq!(home.refresh().await.standing.held, None);
    assert_eq!(home.names(), ["a.example", "b.example"]);
}

#[tokio::test]
async fn a_copy_that_was_discarded_is_no_news_until_the_source_has_another() {
    let home = Home::with_good_list().await;
    let short = Reply::Tagged("\"short\"", "a.example\n");
    home.server.reply("/list", short);
    home.held().await;
    let compiled = home.compiled();
    assert!(home.subscriptions.discard("list").await);
    assert!(!home.subscriptions.discard("list").await);
    assert!(!home.subscriptions.confirm("list").await);
    assert!(!home.file("list.new.txt").exists());
    // It is not sent again, and where a server does not know tags, not held back again.
    assert_eq!(home.refresh().await.standing.held, None);
    let last = home.server.requests().pop().unwrap().to_lowercase();
    assert!(last.contains("if-none-match: \"short\""), "{last}");
    home.server.serve("/list", "a.example\n");
    let standing = home.refresh().await.standing;
    assert_eq!((standing.held, standing.problem), (None, None));
    assert_eq!((home.names().len(), home.compiled()), (4, compiled));
    home.server.serve("/list", "b.example\n");
    home.held().await;
    home.server.serve("/list", "a.example\nb.example\n");
    let standing = home.refresh().await.standing;
    assert_eq!((standing.held, standing.discarded), (None, None));
    assert_eq!(home.names(), ["a.example", "b.example"]);
}

#[tokio::test]
async fn a_list_that_is_to_be_read_otherwise_is_looked_at_anew_though_it_was_discarded() {
    let home = Home::with_good_list().await;
    let text = "*.a.example\n*.b.example\n*.c.example\n";
    home.server.reply("/list", Reply::Tagged("\"stars\"", text));
    let url = home.server.url("lists.example", "/list");
    let with = |format| Subscription {
        format,
        ..list(Source::Url(url.clone()))
    };
    let want = async |format| {
        home.subscriptions.want(vec![with(format)]);
        home.until(|all| all.lists[0].list.format == format).await;
    };
    want(Some(ListFormat::Domains)).await;
    home.held().await;
    assert!(home.subscriptions.discard("list").await);
    want(Some(ListFormat::Wildcard)).await;
    let standing = home.refresh().await.standing;
    assert_eq!((standing.held, standing.discarded), (None, None));
    assert_eq!(home.names(), ["a.example", "b.example", "c.example"]);
}

#[tokio::test]
async fn a_packed_list_that_is_cut_off_is_refused() {
    let home = Home::with_good_list().await;
    let mut packed = gzip(GOOD.repeat(50).as_bytes());
    packed.truncate(packed.len() - 6);
    home.server.reply("/list", gzipped(&packed));
    let message = home.failure().await;
    assert!(
        message.starts_with("the packed data is damaged or cut off"),
        "{message}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_told() {
    let home = Home::with_good_list().await;
    let mut bytes = answer("200 OK", "", GOOD.as_bytes());
    bytes.truncate(bytes.len() - 11);
    home.server.reply("/list", Reply::Bytes(bytes));
    let message = home.failure().await;
    assert!(
        message.starts_with("the connection broke before the list was complete"),
        "{message}"
    );
}

#[tokio::test]
async fn a_gzip_bomb_is_stopped_at_the_limit() {
    let home = Home::with_good_list().await;
    let bomb = gzip(&vec![b'a'; 50_000_000]);
    assert!(bomb.len() < 60_000);
    home.server.reply("/list", gzipped(&bomb));
    assert_eq!(
        home.failure().await,
        "it is larger than 1000 kB, the limit (max_size in [lists])"
    );
}

#[tokio::test]
async fn a_list_that_says_it_is_too_large_is_not_begun() {
    let home = Home::with_good_list().await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n".to_vec();
    home.server.reply("/list", Reply::Stall(head));
    assert_eq!(
        home.failure().await,
        "it is larger than 1000 kB, the limit (max_size in [lists])"
    );
}

#[tokio::test]
async fn a_list_of_300_mb_that_does_not_say_so_is_stopped_at_the_limit() {
    let home = Home::with(Terms {
        max_size: 300_000_000,
        // A busy machine takes its time for as much.
        total: Duration::from_mins(5),
        ..terms()
    })
    .await;
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let piece = b"ads.example\n".repeat(100_000);
    home.server.reply("/list", Reply::Endless(head, piece));
    assert_eq!(
        home.failure().await,
        "it is larger than 300 MB, the limit (max_size in [lists])"
    );
}

#[tokio::test]
async fn a_server_that_drips_is_given_up() {
    let home = Home::with(Terms {
        least: 1000,
        ..impatient()
    })
    .await;
    let drip = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\na.example\n".to_vec();
    home.server.reply("/list", Reply::Stall(drip));
    assert_eq!(
        home.failure().await,
        "the server is too slow: it sent 10 bytes in 300 ms"
    );
}

#[tokio::test]
async fn a_list_that_has_no_end_is_given_up_in_time() {
    let home = Home::with(Terms {
        total: Duration::from_millis(300),
        max_size: 4_000_000_000,
        ..terms()
    })
    .await;
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    home.server
        .reply("/list", Reply::Endless(head, b"a.example\n".to_vec()));
    assert_eq!(home.failure().await, "it was not complete after 300 ms");
}

#[tokio::test]
async fn a_redirect_loop_is_left() {
    let home = Home::with_good_list().await;
    home.server.reply("/list", redirect("/other"));
    home.server.reply("/other", redirect("/list"));
    assert_eq!(
        home.failure().await,
        "the server redirects more than 5 times"
    );
}

#[tokio::test]
async fn a_redirect_is_followed_to_another_server_of_the_internet() {
    let home = Home::with_good_list().await;
    let to = home.server.url("elsewhere.example", "/there");
    home.server.reply("/list", redirect(to.as_str()));
    home.server.serve("/there", "x.example\ny.example\n");
    assert_eq!(home.refresh().await.standing.problem, None);
    assert_eq!(home.names(), ["x.example", "y.example"]);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_never_followed() {
    let home = Home::with_good_list().await;
    for (host, address) in [
        ("private.example", "127.0.0.2"),
        ("127.0.0.2", "127.0.0.2"),
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.2]", "::ffff:127.0.0.2"),
        ("192.168.1.1", "192.168.1.1"),
        ("0x7f.2", "127.0.0.2"),
    ] {
        let to = home.server.url(host, "/admin?delete=all");
        home.server.reply("/list", redirect(to.as_str()));
        let asked = home.server.requests().len();
        assert_eq!(
            home.failure().await,
            format!(
                "the server redirects to `{}` at the private address {address}, which is never \
                 followed",
                to.as_str().replace(&home.server.port(), "PORT")
            )
        );
        assert_eq!(home.server.requests().len(), asked + 1);
    }
}

#[tokio::test]
async fn a_redirect_to_another_scheme_or_to_nowhere_is_not_followed() {
    let home = Home::with_good_list().await;
    home.server.reply("/list", redirect("file:///etc/passwd"));
    assert_eq!(
        home.failure().await,
        "`file:///etc/passwd` is not an https address"
    );
    home.server.reply("/list", redirect("http://"));
    assert_eq!(
        home.failure().await,
        "the server redirects, but not to an address"
    );
}

#[tokio::test]
async fn a_private_source_and_plain_http_need_the_switch() {
    for (host, expected) in [
        (
            "lists.example",
            "`http://lists.example:PORT/list` is plain HTTP, which is accepted only \
            with allow_private_sources = true in [lists]",
        ),
        (
            "nowhere.example",
            "looking up `nowhere.example`: there is no such name",
        ),
    ] {
        let server = Server::start().await;
        let url = server.url(host, "/list");
        let closed = Terms {
            allow_private: false,
            ..terms()
        };
        let home = Home::keep(server, closed, vec![list(Source::Url(url))]).await;
        let problem = home.settle().await.standing.problem.unwrap();
        assert_eq!(
            problem.message.replace(&home.server.port(), "PORT"),
            expected
        );
        assert!(home.server.requests().is_empty());
    }
    let server = Server::start().await;
    let url = format!("https://private.example:{}/list", server.port())
        .parse()
        .unwrap();
    let closed = Terms {
        allow_private: false,
        ..terms()
    };
    let home = Home::keep(server, closed, vec![list(Source::Url(url))]).await;
    let problem = home.settle().await.standing.problem.unwrap();
    assert_eq!(
        problem.message,
        "`private.example` is at the private address 127.0.0.2, which is accepted only with \
         allow_private_sources = true in [lists]"
    );
}

#[tokio::test]
async fn a_packing_that_was_not_asked_for_is_refused() {
    let home = Home::with_good_list().await;
    let reply = Reply::Bytes(answer("200 OK", "Content-Encoding: br\r\n", b"\x0b\x02"));
    home.server.reply("/list", reply);
    assert_eq!(
        home.failure().await,
        "the server packs it with `br`, which was not asked for"
    );
}

#[tokio::test]
async fn a_packed_list_is_unpacked() {
    let home = Home::with_good_list().await;
    home.server
        .reply("/list", gzipped(&gzip(b"x.example\ny.example\n")));
    assert_eq!(home.refresh().await.standing.problem, None);
    assert_eq!(home.names(), ["x.example", "y.example"]);
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_and_not_compiled_again() {
    let home = Home::with_good_list().await;
    home.server
        .reply("/list", Reply::Tagged("\"v2\"", "x.example\ny.example\n"));
    home.refresh().await;
    let compiled = home.compiled();
    let before = home.status().standing;
    let after = home.refresh().await.standing;
    assert!(after.checked_at > before.checked_at);
    assert_eq!(after.copy, before.copy);
    assert_eq!(home.compiled(), compiled);
    let last = home.server.requests().pop().unwrap().to_lowercase();
    assert!(last.contains("if-none-match: \"v2\""), "{last}");
}

#[tokio::test]
async fn a_list_that_is_for_other_groups_is_not_compiled_again() {
    let home = Home::with_good_list().await;
    let url = home.server.url("lists.example", "/list");
    let groups = Some(vec!["kids".to_owned()]);
    let compiled = home.compiled();
    home.subscriptions.want(vec![Subscription {
        groups: groups.clone(),
        ..list(Source::Url(url.clone()))
    }]);
    home.until(|all| all.lists[0].list.groups == groups).await;
    home.refresh().await;
    assert_eq!(home.compiled(), compiled);
    home.subscriptions.want(vec![Subscription {
        name: "renamed".to_owned(),
        ..list(Source::Url(url))
    }]);
    home.until(|all| all.lists[0].list.name == "renamed").await;
    home.refresh().await;
    assert_eq!(home.compiled(), compiled + 1);
}

#[tokio::test]
async fn after_a_restart_the_kept_copy_is_in_force_while_the_server_is_away() {
    let home = Home::with_good_list().await;
    let folder = home.folder.path().to_owned();
    let moved = tempfile::tempdir().unwrap();
    fs::rename(folder.join("lists"), moved.path().join("lists")).unwrap();
    home.stop().await;
    let server = Server::start().await;
    let url = server.url("nowhere.example", "/list");
    let home = Home::keep_in(moved, server, terms(), vec![list(Source::Url(url))]).await;
    assert_eq!(home.names().len(), 4);
    home.settle().await;
    assert_eq!(home.names().len(), 4);
}
