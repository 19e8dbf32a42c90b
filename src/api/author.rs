//! Who makes a request, as the journal of changes tells it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderMap, USER_AGENT};
use axum::http::request::Parts;

use crate::store::{Author, Way};

/// Who makes a request.
#[derive(Clone, Debug)]
pub(super) struct By(pub Author);

/// The name of the session or the token that a request was let in by; a layer in front of the
/// handlers leaves it with the request.
#[derive(Clone, Debug)]
pub struct SessionName(pub String);

impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let session = parts.extensions.get::<SessionName>();
        Ok(Self(Author {
            way: way(&parts.headers),
            session: session.map(|session| session.0.clone()),
        }))
    }
}

/// Browsers say where a request comes from (Fetch Metadata), and no script can say it for them.
fn way(headers: &HeaderMap) -> Way {
    let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let agent = says(USER_AGENT.as_str()).unwrap_or_default();
    if says("sec-fetch-site") == Some("same-origin") {
        Way::Dashboard
    } else if agent.starts_with("squelch/") {
        Way::Command
    } else {
        Way::Api
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};

    use super::*;

    #[tokio::test]
    async fn who_changes_something_is_told_by_what_the_request_says_of_itself() {
        for (name, value, expected) in [
            ("sec-fetch-site", "same-origin", Way::Dashboard),
            ("user-agent", "squelch/1.2.3", Way::Command),
            ("user-agent", "curl/8", Way::Api),
        ] {
            let mut request = Request::new(());
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
            request
                .extensions_mut()
                .insert(SessionName("phone".to_owned()));
            let (mut parts, ()) = request.into_parts();
            let By(author) = By::from_request_parts(&mut parts, &()).await.unwrap();
            let session = Some("phone".to_owned());
            assert_eq!(
                author,
                Author {
                    way: expected,
                    session
                }
            );
        }
    }
}
