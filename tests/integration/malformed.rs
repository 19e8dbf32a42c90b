//! Packets as strangers make them: an error or silence, and the next query is answered.

use std::net::{IpAddr, Ipv4Addr};

use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::RecordType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{House, extended_error, question, read_frame, told, write_frame};
use crate::stub::Stub;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn bytes() -> Vec<u8> {
    question("home.example.", RecordType::A).to_vec().unwrap()
}

async fn still_answers(house: &House) {
    assert_eq!(
        told(&house.ask("open.oneplus.net.", RecordType::A).await).1,
        ["0.0.0.0"]
    );
}

async fn code(house: &House, bytes: &[u8]) -> ResponseCode {
    Message::from_vec(&house.send_bytes(HERE, bytes).await)
        .unwrap()
        .metadata
        .response_code
}

#[tokio::test]
async fn no_question_two_questions_and_loops_are_format_errors() {
    let house = House::start().await;
    for count in [0, 2] {
        let mut wrong = bytes();
        wrong[5] = count;
        assert_eq!(code(&house, &wrong).await, ResponseCode::FormErr);
    }
    for pointer in [0xc000_u16, 0xc00c, 0xc0ff] {
        let mut wrong = bytes();
        wrong[12..14].copy_from_slice(&pointer.to_be_bytes());
        assert_eq!(code(&house, &wrong).await, ResponseCode::FormErr);
    }
    still_answers(&house).await;
    assert!(house.stub.seen().is_empty());
}

#[tokio::test]
async fn an_error_is_not_longer_than_what_caused_it() {
    let house = House::start().await;
    let mut wrong = bytes();
    wrong[5] = 2;
    assert!(house.send_bytes(HERE, &wrong).await.len() <= wrong.len());
}

#[tokio::test]
async fn what_is_too_short_gets_silence() {
    let house = House::start().await;
    let socket = tokio::net::UdpSocket::bind((HERE, 0)).await.unwrap();
    socket.connect(house.dns()).await.unwrap();
    for length in 0..12 {
        socket.send(&bytes()[..length]).await.unwrap();
    }
    // The good query is the first that is answered.
    let good = question("open.oneplus.net.", RecordType::A);
    socket.send(&good.to_vec().unwrap()).await.unwrap();
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).await.unwrap();
    assert_eq!(
        told(&Message::from_vec(&answer[..length]).unwrap()).1,
        ["0.0.0.0"]
    );
}

#[tokio::test]
async fn noise_over_tcp_harms_neither_the_connection_nor_the_server() {
    let house = House::start().await;
    let mut stream = house.connect().await;
    let noise: Vec<u8> = (0..65_535_u32)
        .map(|at| u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    // Cleared, so that it is no answer, which would be passed over in silence.
    let mut frame = noise.clone();
    frame[2] = 0;
    write_frame(&mut stream, &frame).await;
    assert_eq!(
        read_frame(&mut stream).await.metadata.response_code,
        ResponseCode::FormErr
    );
    write_frame(
        &mut stream,
        &question("open.oneplus.net.", RecordType::A)
            .to_vec()
            .unwrap(),
    )
    .await;
    assert_eq!(told(&read_frame(&mut stream).await).1, ["0.0.0.0"]);
    let mut unframed = house.connect().await;
    unframed.write_all(&noise).await.unwrap();
    drop(unframed);
    still_answers(&house).await;
}

#[tokio::test]
async fn an_empty_frame_is_passed_over() {
    let house = House::start().await;
    let mut stream = house.connect().await;
    stream.write_all(&[0, 0]).await.unwrap();
    write_frame(
        &mut stream,
        &question("open.oneplus.net.", RecordType::A)
            .to_vec()
            .unwrap(),
    )
    .await;
    assert_eq!(told(&read_frame(&mut stream).await).1, ["0.0.0.0"]);
}

#[tokio::test]
async fn a_half_closed_connection_still_gets_its_answer() {
    let house = House::start().await;
    let mut stream = house.connect().await;
    write_frame(&mut stream, &bytes()).await;
    stream.shutdown().await.unwrap();
    assert_eq!(told(&read_frame(&mut stream).await).1, ["192.0.2.99"]);
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_stranger_is_refused_whatever_it_sends() {
    let stub = Stub::with_address("192.0.2.99").await;
    let house = House::with(stub, "[dns]\nallow_from = [\"192.0.2.0/24\"]").await;
    let mut two_questions = bytes();
    two_questions[5] = 2;
    let mut notimp = bytes();
    notimp[2] |= 0x10;
    let chaos = {
        let mut message = bytes();
        let class = message.windows(4).position(|four| four == [0, 1, 0, 1]);
        message[class.unwrap() + 3] = 3;
        message
    };
    let transfer = {
        let mut message = question("home.example.", RecordType::AXFR);
        message.edns = Some(Edns::new());
        message.to_vec().unwrap()
    };
    for wrong in [two_questions, notimp, chaos, transfer.clone()] {
        assert_eq!(code(&house, &wrong).await, ResponseCode::Refused);
        assert!(house.stub.seen().is_empty());
    }
    // With its question, and an OPT record where there was one.
    let refused = Message::from_vec(&house.send_bytes(HERE, &transfer).await).unwrap();
    assert_eq!(refused.queries[0].query_type(), RecordType::AXFR);
    assert_eq!(extended_error(&refused).unwrap().0, 18);
}
