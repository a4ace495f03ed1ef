// SPDX-License-Identifier: MIT OR Apache-2.0
//! What decides about files: a thread's user, group, supplementary groups and capabilities.

use super::fd::Fd;
use super::process::{blocks_of, each_block};
use super::{Errno, arch, call};

/// More groups than this are not taken on: a thread's stack is small.
const MOST: usize = 1024;

/// A thread's, as files see it.
pub struct Credentials {
    pub user: u32,
    pub group: u32,
    groups: [u32; MOST],
    count: usize,
    /// The capabilities in force.
    pub powers: u64,
}

/// As /proc/TID/status names them.
const LINES: [(&[u8], u32); 4] = [(b"Uid", 10), (b"Gid", 10), (b"Groups", 10), (b"CapEff", 16)];
const USER: usize = 0;
const GROUP: usize = 1;
const GROUPS: usize = 2;
const POWERS: usize = 3;
/// In a line of ids: real, effective, saved, and the one that files see.
const OF_FILES: usize = 3;

/// The lines as they are read.
struct Reading {
    found: Credentials,
    /// Which lines have come, as bits.
    seen: u32,
    fits: bool,
    /// The name of a line, or which of those above it has.
    name: [u8; 8],
    len: usize,
    line: Option<usize>,
    is_value: bool,
    /// How many numbers of the line have come, and the one that comes.
    nth: usize,
    number: Option<u64>,
}

impl Reading {
    const ALL: u32 = (1 << LINES.len()) - 1;
    const START: Reading = Reading {
        found: Credentials::NONE,
        seen: 0,
        fits: true,
        name: [0; 8],
        len: 0,
        line: None,
        is_value: false,
        nth: 0,
        number: None,
    };

    /// Some bytes more; false once nothing more is wanted. This is done for
    /// each call: of lines that say nothing only the end is looked for.
    fn take_all(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((first, rest)) = bytes.split_first() {
            let says_nothing = self.is_value && self.line.is_none();
            let (byte, rest) = match says_nothing {
                true => match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => (b'\n', &bytes[end + 1..]),
                    None => return true,
                },
                false => (*first, rest),
            };
            if !self.take(byte) {
                return false;
            }
            bytes = rest;
        }
        true
    }

    /// One byte more; false once nothing more is wanted.
    fn take(&mut self, byte: u8) -> bool {
        if !self.is_value {
            match byte {
                b':' => {
                    let name = self.name.get(..self.len).unwrap_or(&[]);
                    self.line = LINES.iter().position(|(line, _)| *line == name);
                    self.is_value = true;
                }
                b'\n' => self.len = 0,
                _ => {
                    if let Some(place) = self.name.get_mut(self.len) {
                        *place = byte;
                    }
                    self.len += 1;
                }
            }
            return true;
        }
        if let Some(line) = self.line {
            let base = LINES[line].1;
            match (byte as char).to_digit(base) {
                Some(digit) => {
                    let number = self.number.unwrap_or(0);
                    let number = number.wrapping_mul(base.into());
                    self.number = Some(number.wrapping_add(digit.into()));
                }
                None => self.put(line),
            }
            if byte == b'\n' {
                self.seen |= 1 << line;
            }
        }
        if byte == b'\n' {
            (self.len, self.line, self.is_value, self.nth) = (0, None, false, 0);
        }
        self.seen != Reading::ALL
    }

    /// A number has come whole.
    fn put(&mut self, line: usize) {
        let Some(number) = self.number.take() else {
            return;
        };
        match line {
            USER if self.nth == OF_FILES => self.found.user = number as u32,
            GROUP if self.nth == OF_FILES => self.found.group = number as u32,
            GROUPS => {
                match self.found.groups.get_mut(self.nth) {
                    Some(place) => *place = number as u32,
                    None => self.fits = false,
                }
                self.found.count = self.nth + 1;
            }
            POWERS => self.found.powers = number,
            _ => {}
        }
        self.nth += 1;
    }
}

impl Credentials {
    const NONE: Credentials = Credentials {
        user: u32::MAX,
        group: u32::MAX,
        groups: [0; MOST],
        count: 0,
        powers: 0,
    };

    /// Those of a thread; none where it has more groups than there is room
    /// for, or not all is told.
    pub fn of(tid: u32) -> Option<Credentials> {
        let mut reading = Reading::START;
        each_block(tid, "status", |block| reading.take_all(block)).ok()?;
        (reading.seen == Reading::ALL && reading.fits).then_some(reading.found)
    }

    /// Those that such a file, /proc/TID/status, says now.
    pub fn told(file: &Fd) -> Option<Credentials> {
        let mut reading = Reading::START;
        blocks_of(file, |block| reading.take_all(block)).ok()?;
        (reading.seen == Reading::ALL && reading.fits).then_some(reading.found)
    }

    /// Those of this thread, by calls of a tenth of what its file takes.
    pub fn own() -> Option<Credentials> {
        let mut own = Credentials {
            user: set_file_user(u32::MAX),
            group: set_file_group(u32::MAX),
            ..Credentials::NONE
        };
        let room = [MOST, own.groups.as_mut_ptr() as usize, 0, 0, 0, 0];
        // SAFETY: the kernel writes within the array.
        own.count = unsafe { call(arch::GETGROUPS, room) }.ok()?;
        own.powers = own_powers().ok()?;
        Some(own)
    }

    pub fn groups(&self) -> &[u32] {
        &self.groups[..self.count]
    }

    /// Take on who this is, as far as files are concerned and the kernel lets
    /// this thread: what came of it is to be looked at.
    pub fn take_on(&self) {
        let _ = set_groups(self.groups());
        set_file_group(self.group);
        set_file_user(self.user);
    }
}

/// Which capabilities this thread has in force.
fn own_powers() -> Result<u64, Errno> {
    /// _LINUX_CAPABILITY_VERSION_3: effective, permitted, inheritable, twice.
    const VERSION: u32 = 0x2008_0522;
    let mut head = [VERSION, 0];
    let mut sets = [[0_u32; 3]; 2];
    let args = [head.as_mut_ptr() as usize, sets.as_mut_ptr() as usize];
    // SAFETY: the kernel reads and writes both structures.
    unsafe { call(libc::SYS_capget, [args[0], args[1], 0, 0, 0, 0]) }?;
    Ok(u64::from(sets[0][0]) | u64::from(sets[1][0]) << 32)
}

/// setgroups(2), of this thread alone.
fn set_groups(groups: &[u32]) -> Result<(), Errno> {
    let args = [groups.len(), groups.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel reads the slice.
    unsafe { call(arch::SETGROUPS, args) }.map(|_| ())
}

/// setfsgid(2), which tells what was there before, and nothing of what came of
/// it; what is no group changes nothing.
fn set_file_group(group: u32) -> u32 {
    // SAFETY: takes no pointer.
    let before = unsafe { call(arch::SETFSGID, [group as usize, 0, 0, 0, 0, 0]) };
    before.map_or(u32::MAX, |group| group as u32)
}

/// setfsuid(2), likewise.
fn set_file_user(user: u32) -> u32 {
    // SAFETY: takes no pointer.
    let before = unsafe { call(arch::SETFSUID, [user as usize, 0, 0, 0, 0, 0]) };
    before.map_or(u32::MAX, |user| user as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::Status;

    fn told() -> Option<Credentials> {
        Credentials::of(crate::sys::tid())
    }

    /// What the file says is what the calls say.
    fn agree() -> Vec<u32> {
        let (told, own) = (told().expect("lines"), Credentials::own().expect("calls"));
        let parts = |c: &Credentials| (c.user, c.group, c.powers, c.groups().to_vec());
        assert_eq!(parts(&told), parts(&own));
        told.groups().to_vec()
    }

    /// As many as a thread can be given by root; any other has its own few.
    #[test]
    fn all_is_read_to_the_last_group() {
        let many: Vec<u32> = (0..1000).map(|n| 1_000_000_000 + n).collect();
        let before = agree();
        let has_changed = std::thread::spawn(move || {
            if set_groups(&many).is_err() {
                return;
            }
            assert_eq!(agree(), many);
            let status = Status::of(crate::sys::tid()).expect("a file");
            assert!(status.has_signal("SigCgt", libc::SIGSYS).is_some());
            assert_eq!(status.numbers("Groups", 10).count(), 0);
            set_groups(&[]).expect("fewer");
            assert_eq!(agree(), []);
            let more: Vec<u32> = (0..1025).collect();
            set_groups(&more).expect("more than there is room for");
            assert!(told().is_none() && Credentials::own().is_none());
            set_groups(&[7]).expect("fewer");
            set_file_group(1000);
            set_file_user(1000);
            assert_eq!(agree(), [7]);
            let own = Credentials::own().expect("calls");
            assert_eq!((own.user, own.group), (1000, 1000));
        });
        has_changed.join().expect("the thread's asserts");
        assert_eq!(agree(), before);
    }

    #[test]
    fn a_name_is_no_line() {
        let read = |text: &str, len: usize| {
            let mut reading = Reading::START;
            // However it comes in parts.
            let _ = text
                .as_bytes()
                .chunks(len)
                .all(|part| reading.take_all(part));
            (reading.seen == Reading::ALL).then_some(reading.found)
        };
        let rest = "Gid:\t1\t2\t3\t4\nGroups:\t \nCapEff:\t00000000000000ff\n";
        for len in [1, 2, 7, 1000] {
            let text = format!("Name:\tUid: 9 9 9 9\nUid:\t5\t6\t7\t8\n{rest}");
            let found = read(&text, len).expect("all lines");
            assert_eq!((found.user, found.group, found.powers), (8, 4, 0xff));
            assert_eq!(found.groups(), []);
            let long = format!("LongLongUid:\t1\t1\t1\t1\n{rest}");
            let cut = "Uid:\t5\t6\t7\t8\nGid:\t1\t2\t3\t4\nGroups:\t1\nCapEff:\t0f";
            for text in [&long, rest, cut] {
                assert!(read(text, len).is_none());
            }
        }
    }
}
