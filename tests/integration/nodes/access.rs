//! One password, and sessions and tokens that count on all nodes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

const PASSWORD: &str = "correct horse";
const OTHER: &str = "battery staple";

/// Somebody, by a header.
type Who<'a> = (&'a str, &'a str);

const NOBODY: Who<'_> = ("x-nobody", "");

/// Waits until a node lets somebody in, or not; that takes no longer than any other change.
async fn until_let_in(node: &Node, who: Who<'_>, expected: bool) {
    let began = time::Instant::now();
    loop {
        let response = node.send_as(who, (Method::GET, "status"), Value::Null);
        if (response.await.status() == 200) == expected {
            return;
        }
        assert!(began.elapsed() < LIVE, "{who:?} is not let in: {expected}");
        time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sets the password of nodes that have none.
async fn set_password(node: &Node, password: &str) {
    let body = json!({ "password": password });
    let (status, said) = node.send(Method::PUT, "password", body).await;
    assert_eq!(status, 200, "{said}");
}

/// Signs in; gives the cookie.
async fn sign_in(node: &Node, password: &str) -> String {
    let body = json!({ "password": password });
    let response = node.send_as(NOBODY, (Method::POST, "session"), body).await;
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn status(node: &Node, who: Who<'_>, what: (Method, &str), body: Value) -> u16 {
    node.send_as(who, what, body).await.status().as_u16()
}

#[tokio::test]
async fn who_signs_in_on_one_node_is_signed_in_on_all_and_out_likewise() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, nodes) = three(&postgres).await;
    let [first, second, third] = &nodes;
    set_password(first, PASSWORD).await;
    for node in &nodes {
        until_let_in(node, NOBODY, false).await;
    }
    let (one, other) = (
        sign_in(second, PASSWORD).await,
        sign_in(third, PASSWORD).await,
    );
    for node in &nodes {
        until_let_in(node, ("cookie", &one), true).await;
        until_let_in(node, ("cookie", &other), true).await;
    }
    let out = (Method::DELETE, "session");
    assert_eq!(status(first, ("cookie", &one), out, Value::Null).await, 204);
    for node in &nodes {
        until_let_in(node, ("cookie", &one), false).await;
        until_let_in(node, ("cookie", &other), true).await;
    }
    // Another password ends all sessions, wherever they began.
    let body = json!({ "current": PASSWORD, "password": OTHER });
    let change = (Method::PUT, "password");
    assert_eq!(status(second, ("cookie", &other), change, body).await, 200);
    for node in &nodes {
        until_let_in(node, ("cookie", &other), false).await;
    }
    sign_in(first, OTHER).await;
    // What is shared gives nobody away.
    let kept = postgres.sql("squelch", "SELECT value FROM credential");
    assert!(kept.contains("$argon2id$"), "{kept}");
    let secret = other.split('=').nth(1).unwrap();
    assert!(!kept.contains(secret) && !kept.contains(OTHER), "{kept}");
}

#[tokio::test]
async fn a_token_counts_on_all_nodes_until_any_of_them_revokes_it() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, nodes) = three(&postgres).await;
    let [first, second, third] = &nodes;
    set_password(first, PASSWORD).await;
    let cookie = sign_in(first, PASSWORD).await;
    let body = json!({ "name": "home-assistant", "scope": "read" });
    let tokens = (Method::POST, "tokens");
    let answer = first.send_as(("cookie", &cookie), tokens, body).await;
    let made: Value = answer.json().await.unwrap();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    for node in [second, third] {
        until_let_in(node, NOBODY, false).await;
        until_let_in(node, ("authorization", &bearer), true).await;
    }
    until_let_in(third, ("cookie", &cookie), true).await;
    let path = format!("tokens/{}", made["id"].as_str().unwrap());
    let revoke = (Method::DELETE, path.as_str());
    assert_eq!(
        status(third, ("cookie", &cookie), revoke, Value::Null).await,
        204
    );
    for node in &nodes {
        until_let_in(node, ("authorization", &bearer), false).await;
    }
}

#[tokio::test]
async fn without_the_database_people_stay_signed_in_and_nothing_is_half_done() {
    let Some(mut postgres) = Postgres::start() else {
        return;
    };
    let (_stub, mut nodes) = three(&postgres).await;
    set_password(&nodes[0], PASSWORD).await;
    until_let_in(&nodes[1], NOBODY, false).await;
    let (stays, goes) = (
        sign_in(&nodes[0], PASSWORD).await,
        sign_in(&nodes[0], PASSWORD).await,
    );
    until_let_in(&nodes[1], ("cookie", &stays), true).await;
    until_let_in(&nodes[1], ("cookie", &goes), true).await;
    postgres.kill();
    let [_, second, _] = &nodes;
    // Who signs in or out does so where they are, and everywhere when the database is back.
    let new = sign_in(second, PASSWORD).await;
    until_let_in(second, ("cookie", &new), true).await;
    let out = (Method::DELETE, "session");
    assert_eq!(
        status(second, ("cookie", &goes), out, Value::Null).await,
        204
    );
    until_let_in(second, ("cookie", &goes), false).await;
    for (what, body) in [
        (
            (Method::PUT, "password"),
            json!({ "current": PASSWORD, "password": OTHER }),
        ),
        (
            (Method::POST, "tokens"),
            json!({ "name": "home-assistant", "scope": "read" }),
        ),
    ] {
        let response = second.send_as(("cookie", &stays), what, body).await;
        assert_eq!(response.status(), 503);
        let problem: Value = response.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("shared database"), "{detail}");
    }
    // All of that outlives a restart while the database is away.
    nodes[1].end(Signal::SIGKILL);
    nodes[1].run();
    let [_, second, _] = &nodes;
    for (cookie, expected) in [(&stays, true), (&new, true), (&goes, false)] {
        until_let_in(second, ("cookie", cookie), expected).await;
    }
    postgres.run();
    for node in &nodes {
        let began = time::Instant::now();
        for (cookie, expected) in [(&stays, true), (&new, true), (&goes, false)] {
            let who = ("cookie", cookie.as_str());
            let there = (Method::GET, "status");
            while (status(node, who, there.clone(), Value::Null).await == 200) != expected {
                assert!(began.elapsed() < Duration::from_secs(20), "{expected}");
                time::sleep(Duration::from_millis(20)).await;
            }
        }
        sign_in(node, PASSWORD).await;
    }
}

#[tokio::test]
async fn who_finishes_the_setup_first_has_done_so_for_all_nodes() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let stub = Stub::with_address("192.0.2.99").await;
    let mut nodes = [(); 2].map(|()| {
        let folder = tempfile::tempdir().unwrap();
        // As where a password was lost: the code of the console is asked for.
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::write(folder.path().join("data/password.set"), "").unwrap();
        Node::start_in(folder, &stub, &postgres.url())
    });
    let codes = nodes.each_mut().map(|node| {
        let line = node.next_line();
        line.trim().rsplit(' ').next().unwrap().to_owned()
    });
    let setup = async |at: usize| {
        let password = [PASSWORD, OTHER][at];
        let body = json!({ "code": codes[at], "password": password });
        status(&nodes[at], NOBODY, (Method::POST, "setup"), body).await
    };
    // The first node may have to bring what it has before another may change something.
    let began = time::Instant::now();
    while setup(0).await != 200 {
        assert!(began.elapsed() < Duration::from_secs(20));
        time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(setup(1).await, 409);
    let began = time::Instant::now();
    let body = || json!({ "password": PASSWORD });
    while status(&nodes[1], NOBODY, (Method::POST, "session"), body()).await != 200 {
        assert!(began.elapsed() < LIVE);
        time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_first_password_goes_up_and_a_node_that_joins_takes_it() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let stub = Stub::with_address("192.0.2.99").await;
    let alone = [(); 3].map(|()| Node::start(&stub, "sqlite"));
    set_password(&alone[1], PASSWORD).await;
    set_password(&alone[2], OTHER).await;
    let cookie = sign_in(&alone[1], PASSWORD).await;
    let [first, second, third] = alone.map(Node::into_folder);
    let first = Node::start_in(first, &stub, &postgres.url());
    first.until("status", is_there).await;
    // The second one's file is set aside, but nobody has another password.
    let second = Node::start_in(second, &stub, &postgres.url());
    let is_up = || postgres.sql("squelch", "SELECT COUNT(*) FROM credential");
    let began = time::Instant::now();
    while is_up() == "0" {
        assert!(began.elapsed() < Duration::from_secs(20));
        time::sleep(Duration::from_millis(50)).await;
    }
    for node in [&first, &second] {
        until_let_in(node, NOBODY, false).await;
        until_let_in(node, ("cookie", &cookie), true).await;
    }
    let mut third = Node::start_in(third, &stub, &postgres.url());
    let began = time::Instant::now();
    let body = || json!({ "password": PASSWORD });
    while status(&third, NOBODY, (Method::POST, "session"), body()).await != 200 {
        assert!(began.elapsed() < Duration::from_secs(20));
        time::sleep(Duration::from_millis(200)).await;
    }
    let log = third.end(Signal::SIGTERM);
    assert!(log.contains("of this node counts no more"), "{log}");
}

#[tokio::test]
async fn the_command_sets_the_password_of_all_nodes_on_any_of_them() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, mut nodes) = three(&postgres).await;
    nodes[2].end(Signal::SIGTERM);
    let mut child = Command::new(env!("CARGO_BIN_EXE_squelch"))
        .args(["password", "--set"])
        .current_dir(nodes[2].data())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"correct horse\n").unwrap();
    drop(input);
    assert!(child.wait_with_output().unwrap().status.success());
    for node in &nodes[..2] {
        until_let_in(node, NOBODY, false).await;
        sign_in(node, PASSWORD).await;
    }
}

#[tokio::test]
async fn nodes_with_one_password_in_their_environments_know_each_others_sessions() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, mut nodes) = three(&postgres).await;
    for node in &mut nodes {
        node.end(Signal::SIGTERM);
        node.run_with(&[("SQUELCH_WEB__PASSWORD", PASSWORD)]);
    }
    // Each has its own hash at first, until it has heard of the others.
    let [first, second, third] = &nodes;
    let began = time::Instant::now();
    'again: loop {
        assert!(began.elapsed() < Duration::from_secs(20));
        let cookie = sign_in(first, PASSWORD).await;
        time::sleep(Duration::from_millis(500)).await;
        for node in [second, third] {
            let there = (Method::GET, "status");
            if status(node, ("cookie", &cookie), there, Value::Null).await != 200 {
                continue 'again;
            }
        }
        break;
    }
}
