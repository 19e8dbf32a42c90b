//! How much of what was freed the allocator keeps.

/// Heaps that glibc's allocator may have; its own limit is eight a core.
///
/// Each keeps what was freed in it, and every thread that waits for the disk gets one: after a flood
/// of queries that was ten megabytes. What is small is had without a heap's lock anyway.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAPS: libc::c_int = 2;

/// Keeps the allocator from having a heap for each thread. To be called before there are any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library; see inside")]
pub fn share_heaps() {
    // SAFETY: it takes two numbers, and may be called at any time from any thread.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, HEAPS) };
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn share_heaps() {}
