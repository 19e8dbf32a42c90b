//! DNS over TCP: many queries on one connection, none of which waits for another.

use std::sync::Arc;

use hickory_proto::rr::RecordType;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::house::{House, question, read_frame, told, write_frame};
use crate::stub::{Reaction, Stub};

#[tokio::test]
async fn a_slow_answer_does_not_hold_up_the_others() {
    let release = Arc::new(Notify::new());
    let slow = Arc::clone(&release);
    let stub = Stub::start(move |asked| {
        let reaction = asked.with_address("192.0.2.99");
        if asked.name.starts_with("slow") {
            Reaction::Later(Arc::clone(&slow), Box::new(reaction))
        } else {
            reaction
        }
    })
    .await;
    let house = House::with(stub, "").await;
    let mut stream = house.connect().await;
    for (id, name) in [
        (1, "slow.example."),
        (2, "home.example."),
        (3, "open.oneplus.net."),
    ] {
        let mut message = question(name, RecordType::A);
        message.metadata.id = id;
        write_frame(&mut stream, &message.to_vec().unwrap()).await;
    }
    let mut first = [
        read_frame(&mut stream).await.metadata.id,
        read_frame(&mut stream).await.metadata.id,
    ];
    first.sort_unstable();
    assert_eq!(first, [2, 3]);
    release.notify_one();
    assert_eq!(read_frame(&mut stream).await.metadata.id, 1);
}

#[tokio::test]
async fn a_thousand_queries_on_one_connection_are_all_answered() {
    let house = House::start().await;
    let mut stream = house.connect().await;
    let mut frames = Vec::new();
    for id in 0..1000_u16 {
        let mut message = question(&format!("n{}.example.", id % 200), RecordType::A);
        message.metadata.id = id;
        let bytes = message.to_vec().unwrap();
        frames.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
        frames.extend_from_slice(&bytes);
    }
    stream.write_all(&frames).await.unwrap();
    let mut seen = vec![false; 1000];
    for _ in 0..1000 {
        let answer = read_frame(&mut stream).await;
        assert_eq!(told(&answer).1, ["192.0.2.99"]);
        seen[usize::from(answer.metadata.id)] = true;
    }
    assert!(seen.into_iter().all(|one| one));
}

#[tokio::test]
async fn a_frame_may_come_in_pieces() {
    let house = House::start().await;
    let mut stream = house.connect().await;
    let bytes = question("open.oneplus.net.", RecordType::A)
        .to_vec()
        .unwrap();
    let mut framed = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(&bytes);
    for byte in framed {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    assert_eq!(told(&read_frame(&mut stream).await).1, ["0.0.0.0"]);
}
