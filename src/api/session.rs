//! `POST session`: signing in and out, and how things stand at the door.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::body::Body;
use super::gate::{COOKIE, Caller};
use super::problem::{InputError, Problem, unkept};
use crate::access::{AccessError, By, Door, Opened, Pass};

/// How long a browser keeps the cookie; the server knows better when a session is over.
const YEAR_S: u32 = 365 * 24 * 60 * 60;

/// How things stand for who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionState {
    /// How things stand at the door.
    pub door: DoorWord,
    /// Whether this request came with a session.
    pub signed_in: bool,
    /// What the session is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the config or the environment sets the password: then it is changed there only.
    pub declared: bool,
}

/// How things stand at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoorWord {
    /// There is no password, and only this machine reaches the dashboard: nobody has to sign in.
    Open,
    /// There is no password yet: whoever has the code of the console sets one.
    SetUp,
    /// One has to sign in.
    Shut,
    /// It cannot be read now whether there is a password.
    Unknown,
}

/// What one signs in with.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct SignIn {
    /// The password.
    password: String,
}

/// The first password.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct FirstPassword {
    /// The code that the server's console shows.
    code: String,
    /// The password, of at least eight characters.
    password: String,
}

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct NewPassword {
    /// The one until now; not needed where there is none.
    current: Option<String>,
    /// The new one, of at least eight characters.
    password: String,
}

/// Who is signed in
///
/// How things stand at the door, and whether this request came with a session.
#[utoipa::path(get, path = "/session", tag = "access", responses((status = 200, body = SessionState)))]
pub(super) async fn session(
    State(api): State<Arc<Api>>,
    pass: Option<Extension<Pass>>,
) -> Json<SessionState> {
    let pass = pass.map(|Extension(pass)| pass);
    Json(state(&api, pass.as_ref()))
}

/// Sign in
///
/// The cookie that comes back is the session. After five wrong passwords in a minute one has to wait.
#[utoipa::path(
    post, path = "/session", tag = "access", request_body = SignIn,
    responses(
        (status = 200, body = SessionState),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn sign_in(
    State(api): State<Arc<Api>>,
    pass: Option<Extension<Pass>>,
    caller: Caller,
    mut body: Body,
) -> Result<Response, Refused> {
    let password = body.required("password", any);
    body.finish()?;
    let (password, now_s) = (password.unwrap_or_default(), now_s());
    let opened = api.access.sign_in(&caller.visitor, &password, now_s).await;
    let opened = opened.map_err(|error| match error {
        AccessError::WrongPassword(_) => Refused(
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "wrong password",
                error.to_string(),
            )
            .into_response(),
        ),
        other => Refused::from(other),
    })?;
    // The session of before is not the one that goes on.
    if let Some(Extension(before)) = pass {
        api.access.sign_out(&before).await;
    }
    Ok(welcome(&api, &caller, &opened))
}

/// Sign out
///
/// The session ends on the server, and with it its streams.
#[utoipa::path(
    delete, path = "/session", tag = "access",
    responses((status = 204, description = "There is no session any more."))
)]
pub(super) async fn sign_out(
    State(api): State<Arc<Api>>,
    pass: Option<Extension<Pass>>,
) -> Response {
    if let Some(Extension(pass)) = pass {
        api.access.sign_out(&pass).await;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    set_cookie(&mut response, &gone);
    response
}

/// Set the first password
///
/// For who has the code that the server's console shows, where no password is set and other machines
/// reach the dashboard. It signs in, too.
#[utoipa::path(
    post, path = "/setup", tag = "access", request_body = FirstPassword,
    responses(
        (status = 200, body = SessionState),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn set_up(
    State(api): State<Arc<Api>>,
    caller: Caller,
    mut body: Body,
) -> Result<Response, Refused> {
    let code = body.required("code", any).unwrap_or_default();
    let password = body.required("password", any).unwrap_or_default();
    body.finish()?;
    let both = (code.as_str(), password.as_str());
    let opened = api.access.set_up(&caller.visitor, both, now_s()).await?;
    Ok(welcome(&api, &caller, &opened))
}

/// Set another password
///
/// Every session ends, but the one that comes back. Tokens stay.
#[utoipa::path(
    put, path = "/password", tag = "access", request_body = NewPassword,
    responses(
        (status = 200, body = SessionState),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_password(
    State(api): State<Arc<Api>>,
    Extension(pass): Extension<Pass>,
    caller: Caller,
    mut body: Body,
) -> Result<Response, Refused> {
    let current = body.text("current");
    let password = body.required("password", any).unwrap_or_default();
    body.finish()?;
    let both = (current.as_deref(), password.as_str());
    let who = (&pass, &caller.visitor);
    let changed = api.access.change_password(who, both, now_s()).await?;
    Ok(match changed {
        Some(opened) => welcome(&api, &caller, &opened),
        None => Json(state(&api, Some(&pass))).into_response(),
    })
}

/// Why somebody is not let in.
#[derive(Debug)]
pub(super) struct Refused(Response);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem.into_response())
    }
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        let mut response = problem(&error).into_response();
        if let Some(seconds) = error.retry_after_s() {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        Self(response)
    }
}

fn problem(error: &AccessError) -> Problem {
    let plain = |status, title| Problem::new(status, title, error.to_string());
    let member = |pointer: &str| Problem {
        errors: vec![InputError {
            pointer: pointer.to_owned(),
            detail: error.to_string(),
        }],
        ..plain(StatusCode::UNPROCESSABLE_ENTITY, "the body is wrong")
    };
    match error {
        AccessError::WrongPassword(_) | AccessError::NoCurrent => member("/current"),
        AccessError::WrongCode(_) => member("/code"),
        AccessError::Short | AccessError::Long => member("/password"),
        AccessError::Throttled(_) => plain(StatusCode::TOO_MANY_REQUESTS, "too many wrong tries"),
        AccessError::NotShut(Door::Unknown | Door::Shut)
        | AccessError::NotSetUp(Door::Unknown | Door::SetUp) => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "not now")
        }
        AccessError::NotShut(_) | AccessError::NotSetUp(_) => {
            plain(StatusCode::CONFLICT, "this is not wanted here")
        }
        AccessError::Declared => plain(StatusCode::CONFLICT, "the config sets this"),
        AccessError::TooManyTokens => plain(StatusCode::CONFLICT, "too many tokens"),
        AccessError::Store(_) | AccessError::File { .. } => unkept(error),
        AccessError::Random | AccessError::Hashing => {
            plain(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be done")
        }
    }
}

/// A password or a code is taken as it is.
#[expect(clippy::unnecessary_wraps, reason = "a member's reader may refuse")]
fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn now_s() -> i64 {
    Timestamp::now().as_second()
}

fn state(api: &Api, pass: Option<&Pass>) -> SessionState {
    let name = match pass.map(|pass| &pass.by) {
        Some(By::Session { name, .. }) => Some(name.clone()),
        _ => None,
    };
    SessionState {
        door: match api.access.door() {
            Door::Open => DoorWord::Open,
            Door::SetUp => DoorWord::SetUp,
            Door::Shut => DoorWord::Shut,
            Door::Unknown => DoorWord::Unknown,
        },
        signed_in: name.is_some(),
        name,
        declared: api.access.is_declared(),
    }
}

fn welcome(api: &Api, caller: &Caller, opened: &Opened) -> Response {
    let mut response = Json(state(api, Some(&opened.pass))).into_response();
    let secure = if caller.is_encrypted { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={YEAR_S}{secure}",
        opened.secret
    );
    set_cookie(&mut response, &cookie);
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    // It is made of letters that a header may have.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}
