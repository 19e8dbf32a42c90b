//! How soon a thread gets the processor once it has something to do.

#[cfg(target_os = "linux")]
pub use linux::shorten_time_slice;

/// Systems on which a thread has no time slice of its own.
#[cfg(not(target_os = "linux"))]
pub fn shorten_time_slice() {}

#[cfg(target_os = "linux")]
mod linux {
    use libc::{SYS_sched_getattr, SYS_sched_setattr, c_int, sched_attr, syscall};

    /// The shortest that the kernel gives, in nanoseconds.
    const SHORTEST: u64 = 100_000;
    const THIS_THREAD: c_int = 0;
    const NO_FLAGS: c_int = 0;

    /// Shortens the time slice of this thread, which is to answer queries: it gets no more of the
    /// processor than others do, but gets it at once when a query comes, instead of at the end of
    /// another thread's slice, which is milliseconds long.
    ///
    /// Kernels before 6.12 take no notice, and where it is forbidden all goes on as before. Threads
    /// that it starts inherit it.
    pub fn shorten_time_slice() {
        if let Some(now) = scheduling().filter(is_shared) {
            schedule(&sched_attr {
                sched_runtime: SHORTEST,
                ..now
            });
        }
    }

    /// Whether the thread shares the processor by this policy, and not by a priority or a deadline
    /// that somebody has given us.
    fn is_shared(now: &sched_attr) -> bool {
        [libc::SCHED_OTHER, libc::SCHED_BATCH]
            .map(c_int::cast_unsigned)
            .contains(&now.sched_policy)
    }

    /// How this thread is scheduled.
    #[expect(unsafe_code, reason = "no library has this call; see inside")]
    fn scheduling() -> Option<sched_attr> {
        let mut now = sched_attr {
            size: u32::try_from(size_of::<sched_attr>()).ok()?,
            sched_policy: 0,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        };
        // SAFETY: the kernel writes as many bytes as it is told here, into a structure of that size.
        let told = unsafe {
            syscall(
                SYS_sched_getattr,
                THIS_THREAD,
                &raw mut now,
                now.size,
                NO_FLAGS,
            )
        };
        (told == 0).then_some(now)
    }

    #[expect(unsafe_code, reason = "no library has this call; see inside")]
    fn schedule(wanted: &sched_attr) {
        // SAFETY: the kernel reads as many bytes as `size` says, which is what the structure has.
        let _ = unsafe { syscall(SYS_sched_setattr, THIS_THREAD, &raw const *wanted, NO_FLAGS) };
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_slice_becomes_short_and_all_else_stays() {
            std::thread::spawn(|| {
                let before = scheduling().unwrap();
                shorten_time_slice();
                let after = scheduling().unwrap();
                // Kernels that know no such wish tell of none.
                assert!([0, SHORTEST].contains(&after.sched_runtime));
                assert_eq!(after.sched_policy, before.sched_policy);
                assert_eq!(after.sched_nice, before.sched_nice);
            })
            .join()
            .unwrap();
        }
    }
}
