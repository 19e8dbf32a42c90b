//! What a request's body says: a JSON object, of which everything that is wrong is told at once.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};
use tokio::time;

use super::problem::{InputError, Problem};

/// A body that does not come within this time is not waited for: it would hold somebody's turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// The members of a body, which are taken out as they are read.
#[derive(Debug, Default)]
pub(super) struct Body {
    members: Map<String, Value>,
    errors: Vec<InputError>,
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // A form of another site's page cannot send this type without asking first.
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_json = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.split(';').next() == Some("application/json"));
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body is not JSON",
                "send `Content-Type: application/json`",
            ));
        }
        let read = time::timeout(PATIENCE, Bytes::from_request(request, state)).await;
        let bytes = read
            .map_err(|_| {
                let detail = format!("it did not come within {} s", PATIENCE.as_secs());
                let title = "the body cannot be read";
                Problem::new(StatusCode::REQUEST_TIMEOUT, title, detail)
            })?
            .map_err(|rejection| {
                let status = rejection.status();
                let detail = if status == StatusCode::PAYLOAD_TOO_LARGE {
                    "it is too long".to_owned()
                } else {
                    rejection.body_text()
                };
                Problem::new(status, "the body cannot be read", detail)
            })?;
        let wrong = |detail: String| {
            Problem::new(StatusCode::BAD_REQUEST, "the body cannot be read", detail)
        };
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(members)) => Ok(Self {
                members,
                errors: Vec::new(),
            }),
            Ok(_) => Err(wrong("an object is wanted: { … }".to_owned())),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

impl Body {
    /// A member that is a text; nothing where it is absent or null.
    pub(super) fn text(&mut self, member: &str) -> Option<String> {
        match self.members.remove(member)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => {
                self.wrong(member, "write a text in quotes");
                None
            }
        }
    }

    /// The same, and whether the member is there at all: null takes back what is set.
    #[expect(clippy::option_option, reason = "absent, null, or a text")]
    pub(super) fn given(&mut self, member: &str) -> Option<Option<String>> {
        let is_given = self.members.contains_key(member);
        let text = self.text(member);
        is_given.then_some(text)
    }

    /// The same for a list of texts.
    #[expect(clippy::option_option, reason = "absent, null, or texts")]
    pub(super) fn texts(&mut self, member: &str) -> Option<Option<Vec<String>>> {
        let value = self.members.remove(member)?;
        let texts: Result<Option<Vec<String>>, _> = serde_json::from_value(value);
        if texts.is_err() {
            self.wrong(member, "write a list of texts in quotes");
        }
        texts.ok()
    }

    /// A member that is true or false.
    pub(super) fn truth(&mut self, member: &str) -> Option<bool> {
        match self.members.remove(member)? {
            Value::Bool(truth) => Some(truth),
            Value::Null => None,
            _ => {
                self.wrong(member, "write true or false");
                None
            }
        }
    }

    /// A member that is understood by `read`, which says what would be right.
    pub(super) fn read<T>(
        &mut self,
        member: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(member)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(right) => {
                self.wrong(member, right);
                None
            }
        }
    }

    /// The same for a member that has to be there.
    pub(super) fn required<T>(
        &mut self,
        member: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.members.get(member).is_none_or(Value::is_null) {
            self.members.remove(member);
            self.wrong(member, "this is missing");
            return None;
        }
        self.read(member, read)
    }

    /// All members that were not taken yet.
    pub(super) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.members)
    }

    /// Notes something wrong further inside.
    ///
    /// What was wrong with a value when it was read is not told again where it is missed.
    pub(super) fn wrong_at(&mut self, pointer: String, detail: impl Into<String>) {
        if self.errors.iter().any(|error| error.pointer == pointer) {
            return;
        }
        let detail = detail.into();
        self.errors.push(InputError { pointer, detail });
    }

    /// Notes something wrong.
    pub(super) fn wrong(&mut self, member: &str, detail: impl Into<String>) {
        // RFC 6901 §3.
        let pointer = format!("/{}", member.replace('~', "~0").replace('/', "~1"));
        self.wrong_at(pointer, detail);
    }

    /// Everything that is wrong, also members that nobody asked for.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let rest: Vec<String> = self.members.keys().cloned().collect();
        for member in rest {
            self.wrong(&member, "there is no such member");
        }
        let Some(first) = self.errors.first() else {
            return Ok(());
        };
        let detail = format!("`{}`: {}", first.pointer, first.detail);
        Err(Problem {
            errors: self.errors,
            ..Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body is wrong",
                detail,
            )
        })
    }
}
