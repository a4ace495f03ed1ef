// SPDX-License-Identifier: MIT OR Apache-2.0
//! Landlock's three calls.

use super::directory::Place;
use super::{DOOR, Errno, call};

/// `struct landlock_ruleset_attr` of linux/landlock.h.
#[repr(C)]
struct RulesetAttr {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

const CREATE_RULESET_VERSION: usize = 1;
const RULE_PATH_BENEATH: usize = 1;
pub const RESTRICT_SELF_TSYNC: usize = 1 << 3;

/// The first ABI that can restrict all threads at once.
pub const THREADS_ABI: u32 = 8;

/// The first ABI that can hold the names of sockets.
pub const SOCKETS_ABI: u32 = 9;

/// The ABI that the kernel has.
pub fn abi() -> Result<u32, Errno> {
    let args = [0, 0, CREATE_RULESET_VERSION, 0, 0, DOOR];
    // SAFETY: without a structure it answers its version.
    unsafe { call(libc::SYS_landlock_create_ruleset, args) }.map(|abi| abi as u32)
}

/// A ruleset that is being made.
#[derive(Debug)]
pub struct Ruleset(Place);

impl Ruleset {
    /// One that denies these rights and scopes wherever no rule grants them.
    pub fn new(rights: u64, scopes: u64) -> Result<Ruleset, Errno> {
        let attr = RulesetAttr {
            handled_access_fs: rights,
            handled_access_net: 0,
            scoped: scopes,
        };
        // An older kernel takes what it knows, as long as the rest is zero.
        let args = [
            &raw const attr as usize,
            size_of::<RulesetAttr>(),
            0,
            0,
            0,
            DOOR,
        ];
        // SAFETY: the kernel reads the structure.
        let descriptor = unsafe { call(libc::SYS_landlock_create_ruleset, args) }?;
        let place = Place::kept(descriptor as i32);
        Ok(Ruleset(core::mem::ManuallyDrop::into_inner(place)))
    }

    /// Grant rights on a place and below it.
    pub fn grant(&self, place: &Place, rights: u64) -> Result<(), Errno> {
        let attr = PathBeneathAttr {
            allowed_access: rights,
            parent_fd: place.descriptor() as i32,
        };
        let args = [
            self.0.descriptor(),
            RULE_PATH_BENEATH,
            &raw const attr as usize,
            0,
            0,
            DOOR,
        ];
        // SAFETY: the kernel reads the structure.
        unsafe { call(libc::SYS_landlock_add_rule, args) }.map(|_| ())
    }

    /// Its number.
    pub fn descriptor(&self) -> i32 {
        self.0.descriptor() as i32
    }

    /// Hold the thread to it, or all threads; and what they make later.
    pub fn restrict(&self, all_threads: bool) -> Result<(), Errno> {
        let flags = if all_threads { RESTRICT_SELF_TSYNC } else { 0 };
        let args = [self.0.descriptor(), flags, 0, 0, 0, DOOR];
        // SAFETY: takes no pointer.
        unsafe { call(libc::SYS_landlock_restrict_self, args) }.map(|_| ())
    }
}

/// Make the call that a filter takes for one of unveil(2): without the promise
/// it is a violation, and where it returns it says ENOSYS or nothing of use.
pub fn ask() {
    let args = [usize::MAX, 0, 0, 0, 0, DOOR];
    // SAFETY: takes no pointer, and such a descriptor is none.
    let _ = unsafe { call(libc::SYS_landlock_restrict_self, args) };
}
