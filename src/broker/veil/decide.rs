// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the rules that a caller is under say of a place that a path led to.

use super::proc::{self, Owner};
use super::rules::{MOST, chain};
use super::walk::{At, Found, id};
use crate::letters::Letters;
use crate::needs::Wanted;
use crate::sys::Errno;
use crate::sys::path;
use crate::veil::Decision;

/// May what was found be used so? All rules in force must allow it.
pub fn check(veils: u8, found: &Found, wanted: Wanted) -> Result<(), Errno> {
    if chain(veils).next().is_none() {
        return Err(libc::EACCES);
    }
    if found.is_nameless {
        return Ok(());
    }
    // What rules have allowed on the way is not asked for more.
    let At { parent, root } = found.at.ok_or(libc::EACCES)?;
    let mut decisions = [None; MOST];
    let mut above = None;
    let itself = found
        .object
        .as_ref()
        .filter(|(_, kind)| kind.is(libc::S_IFDIR))
        .map(|(_, kind)| id(kind));
    let mut at = parent;
    let name = found.name().to_bytes();
    for (rules, decision) in chain(veils).zip(&mut decisions) {
        *decision = rules.veil.decide_here(itself, at, name);
    }
    // Up, until each has a rule that decides.
    loop {
        let mut is_open = false;
        for (rules, decision) in chain(veils).zip(&mut decisions) {
            *decision = decision.or_else(|| rules.veil.decide_by(at));
            is_open |= decision.is_none();
        }
        if !is_open || at == root {
            break;
        }
        let next = path::pin(above.as_ref().unwrap_or(&found.parent), c"..")?;
        let next_id = id(&path::kind(&next)?);
        if next_id == at {
            break;
        }
        (above, at) = (Some(next), next_id);
    }
    let mut errno = 0;
    for (_, decision) in chain(veils).zip(decisions) {
        match decision.unwrap_or(Decision::HIDDEN).errno(wanted) {
            libc::ENOENT => return Err(libc::ENOENT),
            told => errno = errno.max(told),
        }
    }
    match errno {
        0 => check_owner(found, wanted),
        errno => Err(errno),
    }
}

/// What is another process's can be looked at as far as everybody may.
fn check_owner(found: &Found, wanted: Wanted) -> Result<(), Errno> {
    let only_looks = wanted == Wanted::All(Letters::R);
    match found.owner {
        Owner::Other if !only_looks || !proc::is_public(found.name()) => Err(libc::EACCES),
        _ => Ok(()),
    }
}
