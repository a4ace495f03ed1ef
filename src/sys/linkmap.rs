// SPDX-License-Identifier: MIT OR Apache-2.0
//! The mapped objects from the list that the loader keeps for debuggers: read without the loader's lock.
//!
//! dl_iterate_phdr(3) takes a lock that fork(2) does not free in the child if
//! another thread of the parent had it.  In such a child nobody changes the
//! list; elsewhere another thread may, so this is for such children only.

use super::arch::elf;
use super::image::Object;
use super::{is_readable, weak};

/// `struct r_debug` and `struct link_map` of link.h, as far as both libcs have
/// them in common.
#[repr(C)]
struct Debug {
    _version: i32,
    first: *const Entry,
}

#[repr(C)]
struct Entry {
    base: usize,
    name: usize,
    _dynamic: usize,
    next: *const Entry,
}

/// More objects than this are a list that leads nowhere.
const MOST: usize = 4096;

/// Call `visit` on each mapped object, the program first, until it says true;
/// none in a static program, which has neither a list nor, as a rule,
/// getauxval(3).
pub fn find(visit: &mut dyn FnMut(Object) -> bool) -> Option<bool> {
    let program = program()?;
    if visit(program) {
        return Some(true);
    }
    let debug = program.debug_list()?;
    // SAFETY: the loader puts the address of its `struct r_debug` there.
    let mut at = unsafe { (*(debug as *const Debug)).first };
    // The first is the program.
    for _ in 0..MOST {
        // SAFETY: an entry of the loader's list, or its end.
        let Some(entry) = (unsafe { at.as_ref() }) else {
            break;
        };
        let object = mapped(entry.base, entry.name);
        if entry.base != program.base() && object.is_some_and(&mut *visit) {
            return Some(true);
        }
        at = entry.next;
    }
    Some(false)
}

/// The program, by what the kernel told it.
fn program() -> Option<Object> {
    let headers = weak::told_at_start(libc::AT_PHDR);
    let count = weak::told_at_start(libc::AT_PHNUM);
    Object::of_program(headers, count).filter(|_| count != 0)
}

/// The object whose ELF header lies at `base`, if one does: objects that are
/// linked for another address than 0 have it elsewhere.
fn mapped(base: usize, name: usize) -> Option<Object> {
    if !base.is_multiple_of(align_of::<elf::Header>()) || !is_readable(base) {
        return None;
    }
    // SAFETY: it can be read, and an ELF header is on one page.
    let header = unsafe { &*(base as *const elf::Header) };
    (header.e_ident[..4] == *b"\x7fELF").then(|| {
        let headers = base + header.e_phoff as usize;
        Object::new(base, headers, usize::from(header.e_phnum), name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::image;

    /// The loader tells the same in both ways, in the same order; what has no
    /// header at its base is the kernel's own.
    #[test]
    fn it_is_what_the_loader_tells() {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let tell = |list: &mut Vec<_>, object: Object| {
            list.push((object.base(), object.soname().to_vec(), object.build_id()));
            false
        };
        assert_eq!(find(&mut |object| tell(&mut ours, object)), Some(false));
        image::find(&mut |object| tell(&mut theirs, object));
        assert!(ours.len() > 2, "{ours:?}");
        assert_eq!(ours, theirs);
    }
}
