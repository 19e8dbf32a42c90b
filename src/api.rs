//! JSON for the dashboard and for scripts, one file a resource.
//!
//! Everything is read and changed through the handles that [`Parts`] lists. Each
//! handler describes itself, and the description is served as `OpenAPI` and as a page. Start at
//! [`router`].

mod agent;
mod asked;
mod attention;
mod author;
mod body;
mod cache;
mod changes;
mod changing;
mod counts;
mod covering;
mod device;
mod devices;
mod docs;
mod emptying;
mod entries;
mod explain;
mod explanation;
mod export;
mod exposure;
mod filter;
mod forget;
mod gate;
mod groups;
mod guard;
mod guess;
mod habits;
mod health;
mod history;
mod lists;
mod members;
mod metrics;
mod needs;
mod nodes;
mod packs;
mod paging;
mod patient;
mod pause;
pub mod problem;
mod queries;
pub mod range;
mod records;
mod row;
mod rules;
mod serve;
mod session;
mod sessions;
mod status;
mod stream;
mod summary;
mod tokens;
mod trouble;
mod until;
mod upstreams;
mod who;

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use author::SessionName;
pub use covering::Covering;
pub use explanation::{Also, Explanation, Knowledge, PackName, Recent, Step};
pub use gate::Encrypted;
pub use health::check as check_dns;
pub use needs::{BrokenName, broken};
pub use pause::recall as recall_pauses;
pub use serve::serve;
pub use status::{UpstreamMore, UpstreamStatus};
pub use who::DeviceRef;

use crate::access::Access;
use crate::cache::Cache;
use crate::config::Config;
use crate::device::Devices;
use crate::household::Household;
use crate::journal::Journal;
use crate::lists::Library;
use crate::local::{Local, Records};
use crate::packs::Packs;
use crate::policy::Policy;
use crate::store::Store;
use asked::Parameters;
use changing::Due;
use guess::KeptAsked;
use habits::KeptHabits;
use needs::KeptNeeds;
use problem::Problem;

/// Pages that may listen to the live journal at the same time.
const MOST_LISTENERS: usize = 64;

/// Requests that are worked on at the same time; others wait. A long span takes memory and disk.
const MOST_AT_WORK: usize = 8;

/// Lists that are looked at before they are added, at the same time.
const MOST_PREVIEWS: usize = 2;

/// Where people sign in.
const SIGN_IN: &str = "/api/v1/session";

/// The figures of the upstreams at this moment.
pub type Upstreams = Arc<dyn Fn() -> Vec<UpstreamStatus> + Send + Sync>;

/// What the API reads from.
pub struct Parts {
    /// Who may see what.
    pub access: Arc<Access>,
    /// The config in force at the start.
    pub config: Arc<Config>,
    /// The packs.
    pub packs: Arc<Packs>,
    /// The rules in force.
    pub policy: Policy,
    /// Names of our own.
    pub local: Local,
    /// The cache.
    pub cache: Arc<Cache>,
    /// Lists and people's own rules.
    pub lists: Arc<Library>,
    /// Groups and devices that people set.
    pub household: Arc<Household>,
    /// Records of the home's own names.
    pub records: Arc<Records>,
    /// What is kept on disk.
    pub store: Store,
    /// The journal.
    pub journal: Journal,
    /// The devices.
    pub devices: Arc<Devices>,
    /// The upstreams.
    pub upstreams: Upstreams,
    /// The addresses where DNS is answered.
    pub dns: Vec<SocketAddr>,
    /// The addresses of the dashboard.
    pub web: Vec<SocketAddr>,
    /// When the server started.
    pub started: Timestamp,
    /// Ends the streams.
    pub stop: CancellationToken,
    /// What is finished before the server ends.
    pub tasks: TaskTracker,
}

/// The API.
pub struct Api {
    parts: Parts,
    habits: KeptHabits,
    asked: KeptAsked,
    needs: KeptNeeds,
    seats: Arc<Semaphore>,
    at_work: Arc<Semaphore>,
    previews: Semaphore,
    /// Held while what people set is changed.
    due: tokio::sync::Mutex<Due>,
}

impl Api {
    /// An API over these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            habits: KeptHabits::default(),
            asked: KeptAsked::default(),
            needs: KeptNeeds::default(),
            seats: Arc::new(Semaphore::new(MOST_LISTENERS)),
            at_work: Arc::new(Semaphore::new(MOST_AT_WORK)),
            previews: Semaphore::new(MOST_PREVIEWS),
            due: tokio::sync::Mutex::default(),
            parts,
        }
    }

    /// The config in force, with the groups and devices of the dashboard.
    fn config(&self) -> Arc<Config> {
        self.household.plan().config
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Squelch",
    description = "Which device of the home asked for what, and what was done with it.\n\n\
        All times are RFC 3339 in UTC. Errors are problem documents (RFC 9457). A parameter that \
        is given but unknown or wrong is an error that names it.\n\n\
        Where a password is set, all but `/healthz`, `/api/v1/session`, `/api/v1/setup` and this \
        description asks for a session (a cookie) or a token (`Authorization: Bearer …`), and \
        answers 401 without one; a token that is only good to read gets 403 for changes."
))]
struct Description;

/// All that the web server serves: the API, its description, and the dashboard's pages.
pub fn router(api: Arc<Api>, pages: Router) -> Router {
    let (routes, document) = described().split_for_parts();
    let at_hand = Arc::clone(&api);
    let names = Arc::new(guard::Names::of(move || at_hand.config()));
    let parameters = Arc::new(Parameters::of(&document));
    let check = middleware::from_fn_with_state(parameters, asked::refuse_unknown);
    routes
        .layer(check)
        .layer(middleware::from_fn_with_state(Arc::clone(&api), take_turns))
        .with_state(Arc::clone(&api))
        .merge(docs::router(&document))
        .route("/api", any(unknown))
        .route("/api/", any(unknown))
        .route("/api/{*path}", any(unknown))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(do_not_store))
        .merge(pages)
        .layer(middleware::from_fn_with_state(api, gate::admit))
        .layer(middleware::from_fn_with_state(names, guard::guard))
}

/// The API's description.
pub fn document() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<Arc<Api>> {
    let version_1 = OpenApiRouter::new()
        .routes(routes!(status::status))
        .routes(routes!(upstreams::upstreams))
        .routes(routes!(summary::summary))
        .routes(routes!(exposure::exposure))
        .routes(routes!(queries::queries))
        .routes(routes!(stream::stream_queries))
        .routes(routes!(export::export_queries))
        .routes(routes!(devices::devices))
        .routes(routes!(
            device::device,
            members::change_device,
            forget::forget_device
        ))
        .routes(routes!(history::history, history::delete_history))
        .routes(routes!(emptying::emptying, emptying::empty_journal))
        .routes(routes!(members::merge_devices))
        .routes(routes!(members::split_device))
        .routes(routes!(groups::groups, groups::add_group))
        .routes(routes!(groups::change_group, groups::remove_group))
        .routes(routes!(changes::changes))
        .routes(routes!(changes::undo_change))
        .routes(routes!(packs::packs))
        .routes(routes!(packs::pack, packs::put_pack))
        .routes(routes!(explain::explain))
        .routes(routes!(lists::lists, lists::add_list))
        .routes(routes!(lists::preview_list))
        .routes(routes!(lists::refresh_lists))
        .routes(routes!(lists::list, lists::change_list, lists::remove_list))
        .routes(routes!(lists::list_refused))
        .routes(routes!(lists::list_entries))
        .routes(routes!(lists::refresh_list))
        .routes(routes!(lists::confirm_list))
        .routes(routes!(lists::discard_list))
        .routes(routes!(rules::rules, rules::add_rule))
        .routes(routes!(rules::change_rule, rules::remove_rule))
        .routes(routes!(records::records, records::add_record))
        .routes(routes!(records::change_record, records::remove_record))
        .routes(routes!(pause::pause, pause::resume))
        .routes(routes!(cache::cache, cache::clear_cache))
        .routes(routes!(cache::clear_name))
        .routes(routes!(
            session::session,
            session::sign_in,
            session::sign_out
        ))
        .routes(routes!(session::set_up))
        .routes(routes!(session::change_password))
        .routes(routes!(sessions::sessions, sessions::end_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(tokens::tokens, tokens::make_token))
        .routes(routes!(tokens::revoke_token));
    OpenApiRouter::with_openapi(Description::openapi())
        .nest("/api/v1", version_1)
        .routes(routes!(health::healthz))
        .routes(routes!(metrics::metrics))
}

async fn unknown(uri: Uri) -> Problem {
    Problem::not_found(format!(
        "there is nothing at `{}`; /api/docs says what there is",
        uri.path()
    ))
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed",
        "this is not answered here; /api/docs says what is",
    )
}

/// What was answered is true for a moment, and private.
async fn do_not_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

async fn take_turns(
    State(api): State<Arc<Api>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    // Who signs in may go again, and is then not waited with; a look at a list keeps nothing.
    let is_sign_in = path == SIGN_IN && request.method() == Method::POST;
    let keeps = !request.method().is_safe() && !is_sign_in && path != lists::PREVIEW;
    // Who is not let in yet takes nobody's turn, nor does who waits for a list to come.
    let turn = if gate::is_public(path) || path == lists::PREVIEW {
        None
    } else {
        // It is never closed; and were it, the request would only not wait.
        Arc::clone(&api.at_work).acquire_owned().await.ok()
    };
    let work = async move {
        let response = next.run(request).await;
        drop(turn);
        response
    };
    if !keeps {
        return work.await;
    }
    // What is kept is put in force, too, whether or not whoever asked for it is still there.
    let done = api.tasks.spawn(work).await;
    done.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
