// SPDX-License-Identifier: MIT OR Apache-2.0
//! This module as it lies in memory, written as a program: who executes it goes on in the same code, with nothing else of this process.
//!
//! An object that was relocated runs where it was relocated for. So the file's
//! segments have the very addresses at which the shared library, or the program
//! that has it in itself, is mapped now, and its variables what is in them now.
//! What it has from other objects is not there: the functions that compilers
//! call by themselves are replaced, and whoever calls another one ends.

use core::arch::global_asm;
use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::arch::{PAGE, elf};
use super::fd::Fd;
use super::image::{self, Object, Span};
use super::{Errno, arena, bytes, call, process, weak};

/// Segments of one; programs have four to six.
const MOST: usize = 16;

const MFD_CLOEXEC: usize = 1;
/// Since 6.3; without it an executable file may be had all the same, or not.
const MFD_EXEC: usize = 0x10;
/// Whoever may not read a program may not look into who runs it.
const MODE: usize = 0o100;

unsafe extern "C" {
    fn rpledge_entry();
    /// What the entry goes on with, and what its code finds its data by.
    static rpledge_entry_words: [AtomicUsize; 2];
}

global_asm!(
    ".pushsection .data.rpledge_entry_words, \"aw\", @progbits",
    ".balign 8",
    ".hidden rpledge_entry_words",
    ".globl rpledge_entry_words",
    ".type rpledge_entry_words, @object",
    "rpledge_entry_words:",
    ".zero 16",
    ".size rpledge_entry_words, 16",
    ".popsection",
);

/// The function, of these lines.
macro_rules! entry {
    ($($line:literal,)*) => {
        global_asm!(
            ".pushsection .text.rpledge_entry, \"ax\", @progbits",
            ".hidden rpledge_entry",
            ".globl rpledge_entry",
            ".type rpledge_entry, @function",
            "rpledge_entry:",
            $($line,)*
            ".size rpledge_entry, . - rpledge_entry",
            ".popsection",
        );
    };
}

#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "x86_64")]
entry!("xor ebp, ebp", "call [rip + rpledge_entry_words]", "ud2",);

#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;
#[cfg(target_arch = "aarch64")]
entry!(
    "mov x29, xzr",
    "mov x30, xzr",
    "adrp x0, rpledge_entry_words",
    "ldr x0, [x0, :lo12:rpledge_entry_words]",
    "blr x0",
    "brk #1",
);

#[cfg(target_arch = "riscv64")]
const MACHINE: u16 = 243;
#[cfg(target_arch = "riscv64")]
entry!(
    ".option push",
    ".option norelax",
    "lla t0, rpledge_entry_words",
    ".option pop",
    "ld gp, 8(t0)",
    "ld t0, 0(t0)",
    "jalr t0",
    "ebreak",
);

/// Nobody has written an entry for others.
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
const MACHINE: u16 = 0;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
entry!();

/// The register that code of a program may find its data by.
fn base_of_data() -> usize {
    #[cfg(target_arch = "riscv64")]
    {
        let gp: usize;
        // SAFETY: a register is read.
        unsafe { core::arch::asm!("mv {}, gp", out(reg) gp, options(nomem, nostack)) };
        return gp;
    }
    #[cfg(not(target_arch = "riscv64"))]
    0
}

/// A part of memory, and of the file.
#[derive(Clone, Copy, Default)]
struct Part {
    at: Span,
    flags: u32,
    offset: usize,
}

/// What the file has, by address.
struct Parts {
    list: [Part; MOST],
    len: usize,
    page: usize,
    /// Where the file ends.
    end: usize,
}

impl Parts {
    fn new(page: usize) -> Parts {
        Parts {
            list: [Part::default(); MOST],
            len: 0,
            page,
            // Of the first page the headers are.
            end: page,
        }
    }

    fn all(&self) -> &[Part] {
        &self.list[..self.len]
    }

    fn add(&mut self, span: Span, flags: u32) -> Result<(), Errno> {
        let at = Span {
            from: span.from & !(self.page - 1),
            to: span.to.next_multiple_of(self.page),
        };
        let offset = self.end;
        self.end += at.to - at.from;
        if self.len == MOST {
            return Err(libc::E2BIG);
        }
        let before = self.all().iter().take_while(|part| part.at.from < at.from);
        let n = before.count();
        self.list.copy_within(n..self.len, n + 1);
        self.list[n] = Part { at, flags, offset };
        self.len += 1;
        Ok(())
    }

    /// Where in the file that lies.
    fn offset_of(&self, address: usize) -> Option<usize> {
        let part = self.all().iter().find(|part| part.at.contains(address))?;
        Some(part.offset + (address - part.at.from))
    }
}

/// The object that this code is in.
fn own() -> Result<Object, Errno> {
    let mut own = None;
    let here = rpledge_entry as *const () as usize;
    image::find(&mut |object| {
        if object.loaded().any(|(span, _)| span.contains(here)) {
            own = Some(object);
        }
        own.is_some()
    });
    own.ok_or(libc::ENOEXEC)
}

/// How large a page is, if that can be told.
fn page() -> Result<usize, Errno> {
    match (PAGE, weak::told_at_start(libc::AT_PAGESZ)) {
        (Some(page), _) => Ok(page),
        (None, 0) => PAGES.into_iter().find(is_page).ok_or(libc::ENOEXEC),
        (None, told) => Ok(told),
    }
}

/// As large as processors have them.
const PAGES: [usize; 3] = [4 << 10, 16 << 10, 64 << 10];

/// May a page begin there? A static program that never asks for its auxiliary
/// vector has nobody to ask, but the kernel looks at where nothing is to be
/// synchronized.
fn is_page(at: &usize) -> bool {
    let args = [*at, 0, libc::MS_ASYNC as usize, 0, 0, 0];
    // SAFETY: of no bytes.
    unsafe { call(libc::SYS_msync, args) }.is_ok()
}

/// The module as it is now, of at most `most` bytes, as a file that goes on
/// with `run` when it is executed.
pub fn make(name: &CStr, run: extern "C" fn() -> !, most: usize) -> Result<Fd, Errno> {
    if MACHINE == 0 {
        return Err(libc::ENOEXEC);
    }
    let object = own()?;
    let mut parts = Parts::new(page()?);
    for (span, flags) in object.loaded() {
        parts.add(span, flags)?;
    }
    for span in arena::kept().ok_or(libc::E2BIG)? {
        parts.add(span, libc::PF_R)?;
    }
    // Whoever writes more than the limit gets a signal.
    let limit = process::limit(0, libc::RLIMIT_FSIZE as usize, None)?.0;
    if parts.end > most || parts.end as u64 > limit {
        return Err(libc::EFBIG);
    }
    let file = file(name, parts.end)?;
    // SAFETY: two words, of which nothing is known but that they may change.
    let [entry, data] = unsafe { &rpledge_entry_words };
    entry.store(run as *const () as usize, Ordering::Relaxed);
    data.store(base_of_data(), Ordering::Relaxed);
    for part in parts.all() {
        write_part(&file, part, parts.page)?;
    }
    write_headers(&file, &parts)?;
    replace(&file, &object, &parts)?;
    Ok(file)
}

/// An empty file that can be executed, which nobody else can open.
fn file(name: &CStr, size: usize) -> Result<Fd, Errno> {
    let make = |flags| {
        let args = [name.as_ptr() as usize, flags, 0, 0, 0, 0];
        // SAFETY: the name is a C string.
        unsafe { call(libc::SYS_memfd_create, args) }
    };
    let fd = match make(MFD_CLOEXEC | MFD_EXEC) {
        Err(libc::EINVAL) => make(MFD_CLOEXEC),
        made => made,
    };
    let fd = Fd::of(fd?);
    // SAFETY: take no pointer.
    unsafe {
        call(libc::SYS_fchmod, [fd.number() as usize, MODE, 0, 0, 0, 0])?;
        call(
            libc::SYS_ftruncate,
            [fd.number() as usize, size, 0, 0, 0, 0],
        )?;
    }
    Ok(fd)
}

/// Of what can be written, only pages that have something in them.
fn write_part(file: &Fd, part: &Part, page: usize) -> Result<(), Errno> {
    let Part { at, offset, flags } = *part;
    let is_worth_it = |from: usize| flags & libc::PF_W == 0 || !is_zero(from, page);
    let mut from = at.from;
    while from < at.to {
        let mut to = from;
        while to < at.to && is_worth_it(to) {
            to += page;
        }
        if to > from {
            put(file, from, to - from, offset + (from - at.from))?;
        }
        from = to + page;
    }
    Ok(())
}

/// Has the page nothing in it?
fn is_zero(from: usize, page: usize) -> bool {
    let mut words = (from..from + page).step_by(size_of::<usize>());
    // SAFETY: a page of a segment that can be read; others may write to it.
    words.all(|at| unsafe { core::ptr::read_volatile(at as *const usize) } == 0)
}

/// Write all of that memory there.
fn put(file: &Fd, from: usize, len: usize, offset: usize) -> Result<(), Errno> {
    let mut done = 0;
    while done < len {
        let args = [
            file.number() as usize,
            from + done,
            len - done,
            offset + done,
            0,
            0,
        ];
        // SAFETY: the kernel reads what is there, or says EFAULT.
        match unsafe { call(libc::SYS_pwrite64, args) }? {
            0 => return Err(libc::ENOSPC),
            more => done += more,
        }
    }
    Ok(())
}

#[repr(C)]
struct Headers {
    file: elf::Header,
    /// One more than parts, for the stack.
    segments: [elf::Segment; MOST + 1],
}

fn write_headers(file: &Fd, parts: &Parts) -> Result<(), Errno> {
    // SAFETY: numbers, which may be 0.
    let mut headers: Headers = unsafe { core::mem::zeroed() };
    let header = &mut headers.file;
    header.e_ident[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    header.e_type = libc::ET_EXEC;
    header.e_machine = MACHINE;
    header.e_version = 1;
    header.e_entry = rpledge_entry as *const () as usize as _;
    header.e_phoff = core::mem::offset_of!(Headers, segments) as _;
    header.e_ehsize = size_of::<elf::Header>() as _;
    header.e_phentsize = size_of::<elf::Segment>() as _;
    header.e_phnum = parts.len as u16 + 1;
    // A stack that is no code.
    headers.segments[0].p_type = libc::PT_GNU_STACK;
    headers.segments[0].p_flags = libc::PF_R | libc::PF_W;
    for (segment, part) in headers.segments[1..].iter_mut().zip(parts.all()) {
        segment.p_type = libc::PT_LOAD;
        segment.p_flags = part.flags;
        segment.p_offset = part.offset as _;
        segment.p_vaddr = part.at.from as _;
        segment.p_paddr = segment.p_vaddr;
        segment.p_filesz = (part.at.to - part.at.from) as _;
        segment.p_memsz = segment.p_filesz;
        segment.p_align = parts.page as _;
    }
    put(file, &raw const headers as usize, size_of::<Headers>(), 0)
}

/// Where it keeps the address of a function that is not there, put another's.
fn replace(file: &Fd, object: &Object, parts: &Parts) -> Result<(), Errno> {
    let functions = bytes::functions();
    let mut done = Ok(());
    object.imports(&mut |name, place| {
        let Some((_, at)) = functions.iter().find(|(of, _)| *of == name) else {
            return;
        };
        let put = |offset| {
            put(
                file,
                at as *const usize as usize,
                size_of::<usize>(),
                offset,
            )
        };
        let replaced = parts.offset_of(place).ok_or(libc::ENOEXEC).and_then(put);
        done = done.and(replaced);
    });
    done
}

/// Execute that file; there is a way back only with an errno.
pub fn execute(file: i32, name: &CStr) -> Errno {
    let (arguments, none) = ([name.as_ptr() as usize, 0], [0_usize; 1]);
    let args = [
        file as usize,
        c"".as_ptr() as usize,
        arguments.as_ptr() as usize,
        none.as_ptr() as usize,
        libc::AT_EMPTY_PATH as usize,
        0,
    ];
    // SAFETY: C strings, and lists of them that end with 0.
    unsafe { call(libc::SYS_execveat, args) }.map_or_else(|errno| errno, |_| 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    static SEEN: AtomicUsize = AtomicUsize::new(0);

    /// With what was in its variables, and a copy that a compiler makes of
    /// memcpy(3).
    extern "C" fn go_on() -> ! {
        let mut bytes = [0_u8; 4096];
        bytes[SEEN.load(Ordering::Relaxed)] = 7;
        let copy = core::hint::black_box(bytes);
        let is_copied = core::hint::black_box(&copy)[..] == bytes[..];
        crate::sys::exit_group(usize::from(is_copied) * usize::from(copy[33]))
    }

    #[test]
    fn it_goes_on_in_the_same_code() {
        SEEN.store(33, Ordering::Relaxed);
        let file = make(c"likeness", go_on, usize::MAX).expect("a file");
        let mut end = 0;
        // SAFETY: the child executes something, or ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            crate::sys::exit_group(execute(file.number(), c"likeness") as usize);
        }
        // SAFETY: a child of ours.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut end, 0) }, pid);
        assert!(libc::WIFEXITED(end), "{end:#x}");
        assert_eq!(libc::WEXITSTATUS(end), 7);
    }

    #[test]
    fn the_kernel_knows_where_pages_begin() {
        // SAFETY: takes no pointer.
        let own = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        assert_eq!(PAGES.into_iter().find(is_page), Some(own));
        assert!(!is_page(&(own / 2)));
    }

    #[test]
    fn what_is_too_large_is_not_written() {
        assert_eq!(make(c"likeness", go_on, 4096), Err(libc::EFBIG));
    }
}
