//! The client address of a request, as far as the server knows it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use axum::{body::Body, extract::ConnectInfo, http::Request};

/// A client's address. A client with one IPv6 address usually has a whole network of addresses, so
/// of an IPv6 address only the network (/64) counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Peer(IpAddr);

impl Peer {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self(std::net::Ipv6Addr::from(network).into())
            }
        }
    }

    /// The peer of a request, if the server passes it on: `serve` does, and an app's own server
    /// does with `into_make_service_with_connect_info::<SocketAddr>()`.
    pub(super) fn from(request: &Request<Body>) -> Option<Self> {
        let info = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        Some(Self::of(info.0.ip()))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}
