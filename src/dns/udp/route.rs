//! Where an answer goes, and from which of our addresses: the one that was asked (RFC 2181 §4).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, SockaddrStorage};

/// Where an answer goes, and from which of our addresses.
#[derive(Clone, Copy)]
pub(super) struct Route {
    /// `None` for a kind of address that no resolver has.
    pub peer: Option<SocketAddr>,
    /// `None` where the socket has one address only.
    pub from: Option<Asked>,
}

/// The address of ours that was asked, with its interface where one is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    V4(Ipv4Addr),
    V6(Ipv6Addr, u32),
}

/// The same as the system takes it.
pub(super) enum PacketInfo {
    V4(in_pktinfo),
    V6(in6_pktinfo),
}

impl Asked {
    pub(super) fn packet_info(self) -> PacketInfo {
        match self {
            Self::V4(ip) => PacketInfo::V4(in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr {
                    s_addr: u32::from(ip).to_be(),
                },
                ipi_addr: in_addr { s_addr: 0 },
            }),
            Self::V6(ip, interface) => PacketInfo::V6(in6_pktinfo {
                ipi6_addr: in6_addr {
                    s6_addr: ip.octets(),
                },
                ipi6_ifindex: interface,
            }),
        }
    }
}

impl PacketInfo {
    pub(super) fn message(&self) -> ControlMessage<'_> {
        match self {
            Self::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Self::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }
}

pub(super) fn peer_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address
        .as_sockaddr_in()
        .map(|v4| SocketAddr::from(SocketAddrV4::from(*v4)));
    v4.or_else(|| {
        address
            .as_sockaddr_in6()
            .map(|v6| SocketAddr::from(SocketAddrV6::from(*v6)))
    })
}
