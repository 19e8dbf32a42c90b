//! How a node hears at once that another has something new.

use sqlx::postgres::PgListener;

use super::{CHANNEL, Hub, Result};

/// What is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// What people set.
    Policy,
    /// Devices.
    Devices,
    /// Rows of the journal.
    Rows,
}

/// Hears what is new, as long as the connection holds.
pub struct Listener {
    inner: PgListener,
    hub: Hub,
}

impl News {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Devices => "devices",
            Self::Rows => "rows",
        }
    }
}

impl Hub {
    /// Listens from now on.
    pub async fn listen(&self) -> Result<Listener> {
        let mut inner = self.within(PgListener::connect_with(self.pool())).await?;
        inner.eager_reconnect(false);
        self.within(inner.listen(CHANNEL)).await?;
        let hub = self.clone();
        Ok(Listener { inner, hub })
    }
}

impl Listener {
    /// Waits for what is new; `Err` when the connection is lost, and something may have been missed.
    pub async fn next(&mut self) -> Result<News> {
        loop {
            let heard = self.inner.try_recv().await;
            let heard = heard.map_err(|error| self.hub.failed(&error))?;
            let Some(heard) = heard else {
                return Err(self.hub.wrong("the connection was lost"));
            };
            let all = [News::Policy, News::Devices, News::Rows];
            // Of a newer version there may be news that we do not know.
            if let Some(news) = all
                .into_iter()
                .find(|news| news.as_str() == heard.payload())
            {
                return Ok(news);
            }
        }
    }
}
