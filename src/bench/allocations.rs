//! Counts heap allocations of the calling thread, for figures such as `parse_allocs`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator with a counter of the thread's own: one addition without any lock, which the dearest call
/// pays a few hundred times.
#[derive(Debug)]
pub struct Counting;

/// Allocations and reallocations of this thread so far; stays 0 unless the program's allocator is [`Counting`].
pub fn so_far() -> u64 {
    ALLOCATIONS.get()
}

/// Allocations that `work` makes.
pub fn of<T>(work: impl FnOnce() -> T) -> u64 {
    let before = so_far();
    std::hint::black_box(work());
    so_far() - before
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get().wrapping_add(1));
}

// SAFETY: every call is handed to the system's allocator unchanged; only a counter is added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}
