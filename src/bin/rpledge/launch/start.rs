// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows a fresh program from its first instruction to main().

use std::ffi::c_int;
use std::io;

use super::elf::{self, List};
use super::inject::{Events, Held};
use super::machine;
use super::proc::{self, Mapping, Maps, Memory};
use super::sys::{self, Pid};

/// How far the start-up of a process has come.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Made by the launcher; has not become the program yet.
    Forked,
    /// A dynamic loader that was run as a command maps the program.
    Loading(Breakpoint, u64),
    /// The loader runs, up to the program's entry point.
    Linking(Breakpoint),
    /// The libc starts, up to main().
    Starting(Breakpoint),
    /// Under the filter.
    Confined,
}

impl Stage {
    pub fn breakpoint(&self) -> Option<&Breakpoint> {
        match self {
            Stage::Loading(breakpoint, _)
            | Stage::Linking(breakpoint)
            | Stage::Starting(breakpoint) => Some(breakpoint),
            Stage::Forked | Stage::Confined => None,
        }
    }
}

/// Where the filter was loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At main(): start-up code need not be promised.
    Main,
    /// At the entry point, for main() was not found: the program's start-up
    /// code is under the filter too.
    Entry,
}

/// An instruction replaced by one that stops.
#[derive(Clone, Debug)]
pub struct Breakpoint {
    pub address: u64,
    word: u64,
}

impl Breakpoint {
    fn set(thread: Pid, memory: &Memory, address: u64) -> io::Result<Breakpoint> {
        let word = memory.read_word(address)?;
        sys::poke(thread, address, machine::with_breakpoint(word))?;
        Ok(Breakpoint { address, word })
    }

    /// Puts the instruction back, and the thread that met it before it.
    pub fn clear(&self, thread: Pid) -> io::Result<()> {
        sys::poke(thread, self.address, self.word)?;
        let mut registers = sys::registers(thread)?;
        machine::set_pc(&mut registers, self.address);
        sys::set_registers(thread, &registers)
    }
}

fn other(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

fn closed(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => other(
            "the kernel keeps its memory closed: the file must be readable by whoever runs it",
        ),
        _ => error,
    }
}

/// After an exec: refuses what cannot be followed, waits at the entry point.
pub fn begin(thread: Pid) -> io::Result<Stage> {
    let native = match sys::registers(thread) {
        Ok(registers) => machine::is_native(&registers),
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => false,
        Err(error) => return Err(error),
    };
    if !native {
        return Err(other("a 32-bit program, which cannot be confined yet"));
    }
    let memory = Memory::open(thread).map_err(closed)?;
    let maps = Maps::read(thread).map_err(closed)?;
    let entry = proc::entry(thread).map_err(closed)?;
    let image = maps
        .at(entry)
        .ok_or_else(|| other("entry point outside of its memory"))?;
    let base = base(&maps, image).ok_or_else(|| other("no ELF header in its memory"))?;
    let header = memory.read(base, 4096)?;
    elf::check_machine(&header)
        .map_err(|what| other(format!("{what}, which cannot be confined yet")))?;
    let loader = match elf::is_interpreted(&header) {
        true => None,
        false => image
            .read_file(thread)
            .and_then(|bytes| elf::loader(&bytes)),
    };
    match loader {
        Some(loader) => {
            let list = match loader.list {
                List::Here(list) => base.wrapping_add(list),
                // The pointer is relocated by then, and is read then.
                List::Behind(pointer) => base.wrapping_add(pointer) | BEHIND,
            };
            let stop = Breakpoint::set(thread, &memory, base.wrapping_add(loader.mapped))?;
            Ok(Stage::Loading(stop, list))
        }
        None => Breakpoint::set(thread, &memory, entry).map(Stage::Linking),
    }
}

/// Marks the address of a pointer to the list; both are aligned.
const BEHIND: u64 = 1;

/// Where the file of a mapping begins in memory.
fn base(maps: &Maps, image: &Mapping) -> Option<u64> {
    maps.iter()
        .find(|mapping| mapping.same_file(image) && mapping.offset == 0)
        .map(|mapping| mapping.start)
}

/// The loader has something to tell. When that is its list of objects, with
/// the program as the first: waits at that one's entry point; glibc's stops
/// once before it has a list. `struct r_debug` begins with a version and the
/// list; `struct link_map` with address, name, dynamic section.
pub fn loaded(
    process: Pid,
    thread: Pid,
    (stop, list): (&Breakpoint, u64),
    events: &mut Events,
) -> io::Result<Stage> {
    let memory = Memory::open(thread)?;
    let structure = match list & BEHIND {
        0 => list,
        _ => memory.read_word(list & !BEHIND)?,
    };
    let first = memory.read_word(structure.wrapping_add(8))?;
    if first == 0 {
        let mut held = Held::new(process, thread, events)?;
        held.step()?;
        let again = Breakpoint::set(thread, &memory, stop.address)?;
        held.release()?;
        return Ok(Stage::Loading(again, list));
    }
    let maps = Maps::read(thread)?;
    let bias = memory.read_word(first)?;
    let dynamic = memory.read_word(first.wrapping_add(16))?;
    let image = maps
        .at(dynamic)
        .ok_or_else(|| other("the loader tells of no program"))?;
    let base = base(&maps, image).ok_or_else(|| other("no ELF header in its memory"))?;
    let entry = elf::entry(&memory.read(base, 64)?)
        .ok_or_else(|| other("the loader mapped no ELF program"))?;
    Breakpoint::set(thread, &memory, bias.wrapping_add(entry)).map(Stage::Linking)
}

/// Steps on the way to main(): a static-pie musl program relocates itself
/// first, some ten instructions a relocation.
const STEPS: usize = 50_000;

/// What steps from the entry point led to.
pub enum Way {
    /// Waits at main().
    Main(Stage),
    /// Stays where it is, with a signal if the last step was at fault.
    Lost(c_int),
}

/// From the entry point to the call of __libc_start_main(main, argc, argv, …),
/// but not beyond a first system call.
pub fn entered(process: Pid, thread: Pid, events: &mut Events) -> io::Result<Way> {
    let maps = Maps::read(thread)?;
    let mut held = Held::new(process, thread, events)?;
    let sp = machine::sp(held.registers());
    let argc = held.memory()?.read_word(sp)?;
    let argv = sp.wrapping_add(8);
    let image = maps.at(machine::pc(held.registers())).cloned();
    let in_program = |address: u64| {
        maps.at(address).is_some_and(|mapping| {
            mapping.executable && image.as_ref().is_some_and(|image| mapping.same_file(image))
        })
    };
    let mut way = Way::Lost(0);
    for _ in 0..STEPS {
        let pc = machine::pc(held.registers());
        let code = held.memory()?.read(pc, machine::LONGEST)?;
        let [main, count, vector] = machine::arguments(held.registers());
        let starts = count as u32 == argc as u32 && vector == argv && in_program(main);
        if machine::leaves(&code) && starts {
            let stop = Breakpoint::set(thread, held.memory()?, main)?;
            way = Way::Main(Stage::Starting(stop));
            break;
        }
        if machine::enters_kernel(&code) {
            break;
        }
        let fault = held.step()?;
        if fault != 0 {
            way = Way::Lost(fault);
            break;
        }
    }
    held.release()?;
    Ok(way)
}
