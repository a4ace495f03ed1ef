// SPDX-License-Identifier: MIT OR Apache-2.0
//! What /proc tells of a process: mappings, memory, auxiliary vector, status.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use super::sys::Pid;

/// A line of /proc/PID/maps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapping {
    pub start: u64,
    pub end: u64,
    pub readable: bool,
    pub writable: bool,
    pub executable: bool,
    /// Of the file, where the mapping begins.
    pub offset: u64,
    pub inode: u64,
    /// As the kernel prints it: a path, "[stack]", or empty.
    pub path: String,
}

impl Mapping {
    fn parse(line: &str) -> Option<Mapping> {
        let mut words = line.splitn(6, ' ');
        let (start, end) = words.next()?.split_once('-')?;
        let rights = words.next()?.as_bytes();
        let offset = words.next()?;
        let _device = words.next()?;
        let inode = words.next()?;
        Some(Mapping {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            readable: rights.first() == Some(&b'r'),
            writable: rights.get(1) == Some(&b'w'),
            executable: rights.get(2) == Some(&b'x'),
            offset: u64::from_str_radix(offset, 16).ok()?,
            inode: inode.parse().ok()?,
            path: words.next().unwrap_or("").trim_start().to_owned(),
        })
    }

    pub fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Whether both show the same file.
    pub fn same_file(&self, other: &Mapping) -> bool {
        self.inode != 0 && self.inode == other.inode && self.path == other.path
    }

    /// The file's bytes as the process sees it; none if it is no file or was
    /// replaced since.
    pub fn read_file(&self, pid: Pid) -> Option<Vec<u8>> {
        if self.inode == 0 || !self.path.starts_with('/') {
            return None;
        }
        let path = format!("/proc/{pid}/root{}", self.path);
        (fs::metadata(&path).ok()?.ino() == self.inode)
            .then(|| fs::read(&path).ok())
            .flatten()
    }
}

/// The mappings of a process, by address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Maps(pub Vec<Mapping>);

impl Maps {
    pub fn read(pid: Pid) -> io::Result<Maps> {
        // Names of files need not be UTF-8.
        let text = fs::read(format!("/proc/{pid}/maps"))?;
        Ok(Maps::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Maps {
        Maps(text.lines().filter_map(Mapping::parse).collect())
    }

    pub fn at(&self, address: u64) -> Option<&Mapping> {
        self.0.iter().find(|mapping| mapping.contains(address))
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Mapping> {
        self.0.iter()
    }
}

/// The memory of a stopped process.
pub struct Memory(File);

impl Memory {
    pub fn open(pid: Pid) -> io::Result<Memory> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(format!("/proc/{pid}/mem"))
            .map(Memory)
    }

    /// Up to `length` bytes: fewer where the mapping ends.
    pub fn read(&self, address: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut done = 0;
        while done < length {
            match self
                .0
                .read_at(&mut bytes[done..], address.wrapping_add(done as u64))
            {
                Ok(0) => break,
                Ok(more) => done += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    pub fn read_word(&self, address: u64) -> io::Result<u64> {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, address)?;
        Ok(u64::from_ne_bytes(word))
    }

    pub fn write(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, address)
    }
}

/// The entry point of the program that the kernel started.
pub fn entry(pid: Pid) -> io::Result<u64> {
    let bytes = fs::read(format!("/proc/{pid}/auxv"))?;
    auxiliary(&bytes, libc::AT_ENTRY)
        .ok_or_else(|| io::Error::other("no AT_ENTRY in the auxiliary vector"))
}

fn auxiliary(bytes: &[u8], kind: u64) -> Option<u64> {
    let mut words = bytes
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()));
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        if key == kind {
            return Some(value);
        }
    }
    None
}

/// A field of /proc/PID/status that is a number.
pub fn status(pid: Pid, field: &str) -> Option<u64> {
    let text = fs::read(format!("/proc/{pid}/status")).ok()?;
    status_field(&String::from_utf8_lossy(&text), field)
}

fn status_field(text: &str, field: &str) -> Option<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}

/// The name of a thread, for people.
pub fn comm(pid: Pid) -> String {
    let text = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_parsed() {
        let maps = Maps::parse(
            "00400000-0040b000 r-xp 00001000 fe:01 48 /usr/bin/a b\n\
             7ffc0000-7ffd0000 rw-p 00000000 00:00 0          [stack]\n\
             10-20 ---p 00000000 00:00 0 \n\
             nonsense\n",
        );
        assert_eq!(maps.0.len(), 3);
        let program = maps.at(0x400123).unwrap();
        assert!(program.executable && !program.writable);
        assert_eq!(
            (program.path.as_str(), program.offset),
            ("/usr/bin/a b", 0x1000)
        );
        assert_eq!(maps.at(0x7ffc0000).unwrap().path, "[stack]");
        assert!(maps.at(0x40b000).is_none(), "the end is outside");
        assert_eq!(maps.at(0x10).unwrap().path, "");
    }

    #[test]
    fn auxiliary_vectors_may_be_cut_short() {
        let bytes: Vec<u8> = [6u64, 4096, 9, 0x401000, 0, 0]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        assert_eq!(auxiliary(&bytes, 9), Some(0x401000));
        assert_eq!(auxiliary(&bytes[..24], 9), None);
        assert_eq!(auxiliary(&[], 9), None);
    }

    #[test]
    fn status_fields_are_whole_names() {
        let text = "Seccomp_filters:\t3\nSeccomp:\t2\nTgid: x\n";
        assert_eq!(status_field(text, "Seccomp"), Some(2));
        assert_eq!(status_field(text, "Seccomp_filters"), Some(3));
        assert_eq!(status_field(text, "Tgid"), None);
        assert_eq!(status_field(text, "Absent"), None);
    }

    #[test]
    fn own_memory_is_read() {
        let value = [7u8; 16];
        let pid = std::process::id() as Pid;
        let memory = Memory::open(pid).unwrap();
        assert_eq!(memory.read(value.as_ptr() as u64, 16).unwrap(), value);
        assert!(memory.read(0, 1).is_err());
        assert!(!comm(pid).is_empty());
        assert_eq!(status(pid, "Tgid"), Some(pid as u64));
    }
}
