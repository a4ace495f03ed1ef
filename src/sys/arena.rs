// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory for tables that are made at run time: bounded, apart from the heap, and read-only when they are done.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::Errno;
use super::image::Span;

/// The arena has no place left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// The arenas that are kept for good: where each begins, and ends.
static KEPT: [[AtomicUsize; 2]; 8] = [const { [const { AtomicUsize::new(0) }; 2] }; 8];

/// All that lies in arenas which are kept for good; none where there are more
/// than anybody has counted.
pub fn kept() -> Option<impl Iterator<Item = Span>> {
    let spans = KEPT.iter().map(|ends| {
        let [from, to] = ends.each_ref().map(|end| end.load(Ordering::Acquire));
        Span { from, to }
    });
    let is_counted = KEPT[KEPT.len() - 1][0].load(Ordering::Acquire) == 0;
    is_counted.then(|| spans.filter(|span| span.from != 0))
}

/// A mapping that lists are taken from, one behind the other.
#[derive(Debug)]
pub struct Arena {
    base: usize,
    size: usize,
    used: Cell<usize>,
}

const PAGE: usize = 4096;
/// The most that anything here asks for.
const ALIGN: usize = 16;

impl Arena {
    /// Map `size` bytes; pages that are never written cost nothing.
    pub fn map(size: usize) -> Result<Arena, Errno> {
        let size = size.next_multiple_of(PAGE);
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
        let args = [0, size, protection, flags, usize::MAX, 0];
        // SAFETY: a new mapping, where the kernel likes it.
        let base = unsafe { super::call(super::arch::MMAP, args) }?;
        Ok(Arena {
            base,
            size,
            used: Cell::new(0),
        })
    }

    /// The same, kept for good: what it lends may be kept too. Pages come one
    /// by one, as they are written: having them at once (MADV_POPULATE_WRITE)
    /// was measured and is no faster.
    pub fn map_for_good(size: usize) -> Result<&'static Arena, Errno> {
        let arena = Arena::map(size)?;
        arena.count(arena.size);
        let place = arena.base as *mut Arena;
        arena.used.set(size_of::<Arena>().next_multiple_of(ALIGN));
        // SAFETY: the first bytes of a mapping that is nobody else's, aligned
        // to a page; moved there, so that nothing unmaps it.
        unsafe {
            place.write(arena);
            Ok(&*place)
        }
    }

    /// Enter it where those are that are kept for good, or change its size there.
    fn count(&self, size: usize) {
        for [from, to] in &KEPT {
            let own = from.compare_exchange(0, self.base, Ordering::AcqRel, Ordering::Acquire);
            if own.is_ok() || own == Err(self.base) {
                return to.store(self.base + size, Ordering::Release);
            }
        }
    }

    /// A place for `count` of `T`, not yet written.
    fn reserve<T>(&self, count: usize) -> Result<*mut T, Full> {
        let bytes = count.checked_mul(size_of::<T>()).ok_or(Full)?;
        let used = self.used.get();
        let end = used.checked_add(bytes).ok_or(Full)?;
        if align_of::<T>() > ALIGN || end > self.size {
            return Err(Full);
        }
        self.used.set(end.next_multiple_of(ALIGN));
        Ok((self.base + used) as *mut T)
    }

    /// A list of what `each` makes of 0, 1, ...; it may take lists itself.
    pub fn list<T: Copy, E: From<Full>>(
        &self,
        count: usize,
        mut each: impl FnMut(usize) -> Result<T, E>,
    ) -> Result<&[T], E> {
        let place = self.reserve::<T>(count)?;
        for n in 0..count {
            let value = each(n)?;
            // SAFETY: reserved for this list alone, and aligned.
            unsafe { place.add(n).write(value) };
        }
        // SAFETY: each of them was written; a `T` that is Copy has nothing
        // inside that changes behind a reference.
        Ok(unsafe { core::slice::from_raw_parts(place, count) })
    }

    /// `count` bytes, zeroed, then whatever `fill` writes; it says how many
    /// of them count.
    pub fn bytes<E: From<Full>>(
        &self,
        count: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<&[u8], E> {
        let place = self.reserve::<u8>(count)?;
        // SAFETY: reserved for these bytes alone; a mapping begins zeroed.
        let bytes = unsafe { core::slice::from_raw_parts_mut(place, count) };
        let len = fill(bytes)?;
        Ok(&bytes[..len.min(count)])
    }

    /// How many bytes are left.
    #[cfg(test)]
    pub fn left(&self) -> usize {
        self.size - self.used.get()
    }

    /// Let nothing write here any more, and give back what was not needed.
    pub fn seal(&'static self) {
        let (base, size) = (self.base, self.size);
        let used = self.used.get().next_multiple_of(PAGE).min(size);
        self.used.set(size);
        // SAFETY: its own pages: those in use lose the right to be written,
        // which nobody does, and beyond them lies nothing.
        unsafe {
            let _ = super::call(
                libc::SYS_mprotect,
                [base, used, libc::PROT_READ as usize, 0, 0, 0],
            );
            if used < size {
                let _ = super::call(libc::SYS_munmap, [base + used, size - used, 0, 0, 0, 0]);
            }
        }
        self.count(used);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: what it lent ends before it does.
        let _ = unsafe { super::call(libc::SYS_munmap, [self.base, self.size, 0, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_apart_and_bounded() {
        let arena = Arena::map(PAGE).expect("memory");
        let outer = arena.list(3, |n| -> Result<_, Full> {
            arena.list(n, |m| Ok::<_, Full>((n * 10 + m) as u16))
        });
        assert_eq!(outer, Ok(&[&[][..], &[10], &[20, 21]][..]));
        assert_eq!(arena.list(PAGE, |_| Ok::<_, Full>(0_u8)), Err(Full));
        assert_eq!(
            arena.list(usize::MAX / 2, |_| Ok::<_, Full>(0_u64)),
            Err(Full)
        );
        let bytes = arena.bytes(8, |b| -> Result<_, Full> {
            b[..2].copy_from_slice(b"ab");
            Ok(2)
        });
        assert_eq!(bytes, Ok(&b"ab"[..]));
    }

    #[test]
    fn sealed_is_full_and_readable() {
        let arena = Arena::map_for_good(64 * PAGE).expect("memory");
        let list = arena.list(5, Ok::<_, Full>).expect("room");
        arena.seal();
        assert_eq!(list, [0, 1, 2, 3, 4]);
        assert_eq!(arena.list(1, Ok::<_, Full>), Err(Full));
    }
}
