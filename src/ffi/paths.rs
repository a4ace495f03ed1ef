// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C face of unveil(2), and its part of rpledge.h.

use core::ffi::{c_char, c_int};

use super::{finish, plain};
use crate::error::Error;
use crate::error::veil::Veil;
use crate::sys::text::{self, CopyError};
use crate::unveil::{self, Flags};

/// Rules of unveil(): put them in force at this call, and do not wait for the
/// lock. What is in force cannot be widened.
pub const RPLEDGE_UNVEIL_NOW: u64 = 1 << 8;
/// Where the kernel cannot hold a rule of unveil() as it is meant, allow less
/// rather than fail.
pub const RPLEDGE_UNVEIL_LESS: u64 = 1 << 9;

/// A path of unveil() cannot be used, or there is no place for another rule.
pub const RPLEDGE_E_PATH: c_int = 3;

/// State bit: rules of unveil() are in force.
pub const RPLEDGE_VEILED: u32 = 1 << 1;
/// State bit: there are rules of unveil() that are not in force: nothing has
/// locked them.
pub const RPLEDGE_VEIL_WAITS: u32 = 1 << 2;
/// State bit: no more rules of unveil() are taken.
pub const RPLEDGE_VEIL_LOCKED: u32 = 1 << 11;
/// State bit: names and attributes of files that are hidden can be seen, and
/// to open them fails with EACCES, not ENOENT.
pub const RPLEDGE_VEIL_PARTIAL: u32 = 1 << 10;

/// Allow what the letters r, w, x, c of `permissions` say on `path` and below;
/// with two NULLs, take no more rules, and put those given in force. A call
/// that fails has changed nothing. Returns 0, or -1 with errno set.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn unveil(path: *const c_char, permissions: *const c_char) -> c_int {
    finish(act(path, permissions, unveil::defaults()).map_err(plain))
}

/// unveil() with flags; a bit unknown to this version fails with EINVAL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn rpledge_unveil(
    path: *const c_char,
    permissions: *const c_char,
    flags: u64,
) -> c_int {
    let flags = Flags::from_bits(flags);
    finish(
        flags
            .and_then(|flags| act(path, permissions, flags))
            .map_err(plain),
    )
}

fn act(path: *const c_char, permissions: *const c_char, flags: Flags) -> Result<(), Error> {
    if path.is_null() && permissions.is_null() {
        return unveil::lock(flags);
    }
    unveil::check()?;
    let mut letters = [0; 5];
    let letters = copy(permissions, &mut letters, Veil::Letters)?;
    let read = |into: &mut [u8]| copy(path, into, Veil::Long).map(<[u8]>::len);
    unveil::add(letters, read, flags)
}

fn copy(from: *const c_char, into: &mut [u8], too_long: Veil) -> Result<&[u8], Error> {
    text::copy(from, into).map_err(|why| match why {
        CopyError::Fault => Error::Fault,
        CopyError::TooLong => too_long.into(),
    })
}

/// The bits of rpledge_status() that are about rules, and Landlock's ABI.
pub(super) fn state() -> (u32, u32) {
    let status = unveil::status();
    let bit = |holds: bool, bit: u32| if holds { bit } else { 0 };
    let bits = bit(status.abi != 0, RPLEDGE_VEILED | RPLEDGE_VEIL_PARTIAL)
        | bit(status.waits, RPLEDGE_VEIL_WAITS)
        | bit(status.is_locked, RPLEDGE_VEIL_LOCKED);
    (bits, status.abi)
}
