//! Waits for a moment by the clock on the wall, not for a length of time: a clock that is set, or a
//! machine that slept meanwhile, makes no difference.

use std::time::Duration;

use jiff::Timestamp;

/// Where the system has no such timer, the clock is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// A timer by the clock on the wall.
pub(super) struct WallClock {
    #[cfg(target_os = "linux")]
    timer: Option<linux::Timer>,
}

impl WallClock {
    /// A timer; on the runtime of the caller.
    pub fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            timer: linux::Timer::new().ok(),
        }
    }

    /// Waits until the clock shows this moment or a later one, or has been set, or for good where
    /// there is no moment. It may return too early, and is then called again.
    pub async fn reach(&mut self, moment: Option<Timestamp>) {
        let Some(moment) = moment else {
            return std::future::pending().await;
        };
        #[cfg(target_os = "linux")]
        if let Some(timer) = &mut self.timer
            && timer.reach(moment).await.is_ok()
        {
            return;
        }
        let wait = moment.duration_since(Timestamp::now());
        let wait = Duration::try_from(wait).unwrap_or_default();
        tokio::time::sleep(wait.min(LOOK_AGAIN)).await;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    //! A timer of the kernel, which also fires when the clock is set, and after a suspend.

    use std::io;
    use std::os::fd::OwnedFd;

    use jiff::Timestamp;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    /// The timer.
    pub struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        /// A timer that is not set.
        #[expect(unsafe_code, reason = "tokio asks for a promise; see inside")]
        pub fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
            // SAFETY: the descriptor is owned, so it is open until the `AsyncFd` is dropped with it.
            let timer = unsafe { AsyncFd::register(timer) }?;
            Ok(Self(timer))
        }

        /// Waits until the clock shows this moment, or is set.
        pub async fn reach(&mut self, moment: Timestamp) -> io::Result<()> {
            let at = Itimerspec {
                it_interval: Timespec::default(),
                it_value: Timespec {
                    tv_sec: moment.as_second().max(1),
                    // The first nanosecond at which it is reached.
                    tv_nsec: moment.subsec_nanosecond().max(0).into(),
                },
            };
            let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
            timerfd_settime(self.0.get_ref(), flags, &at)?;
            loop {
                let mut ready = self.0.readable().await?;
                let mut fired = [0; 8];
                match rustix::io::read(self.0.get_ref(), &mut fired) {
                    // It fired, or the clock was set (timerfd_create(2)).
                    Ok(_) | Err(rustix::io::Errno::CANCELED) => return Ok(()),
                    Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_moment_is_reached_when_the_clock_shows_it_and_not_before() {
        let mut clock = WallClock::new();
        for wait in [Duration::from_millis(30), Duration::ZERO] {
            let moment = Timestamp::now() + wait;
            clock.reach(Some(moment)).await;
            assert!(Timestamp::now() >= moment);
        }
    }

    #[tokio::test]
    async fn what_never_comes_is_waited_for_without_an_end() {
        let mut clock = WallClock::new();
        let reached = futures_util::FutureExt::now_or_never(clock.reach(None));
        assert!(reached.is_none());
    }
}
