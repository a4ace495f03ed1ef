// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the analysis knows of a machine: a few register operations and a few ways on.
//!
//! A decoder lowers each instruction to this and nothing above it knows the
//! architecture. What an instruction does beyond these operations is either of
//! no interest (memory through unknown pointers, floating point) or said as
//! `Clobber`: being coarse here costs precision, never soundness.

use super::elf::Image;

/// A register by the machine's own numbering.
pub type Reg = u8;

/// A set of registers, one bit each.
pub type Mask = u64;

/// A memory operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub base: Option<Reg>,
    pub index: Option<(Reg, u8)>,
    pub disp: i64,
    /// Not in the flat address space (thread-local storage).
    pub foreign: bool,
}

/// A source operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Src {
    Imm(i64),
    Reg(Reg),
    Unknown,
}

/// What an instruction does to registers and memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Const {
        dst: Reg,
        value: u64,
    },
    /// The upper part of an address: none itself until an offset is added.
    Page {
        dst: Reg,
        value: u64,
    },
    /// So many bytes become this number, from that bit on; the others stay.
    Insert {
        dst: Reg,
        value: u64,
        shift: u8,
        bytes: u8,
    },
    /// So many low bytes become unknown; the others stay.
    Blur {
        dst: Reg,
        bytes: u8,
    },
    Copy {
        dst: Reg,
        src: Reg,
        bytes: u8,
        signed: bool,
    },
    Address {
        dst: Reg,
        place: Place,
        bytes: u8,
    },
    Load {
        dst: Reg,
        place: Place,
        bytes: u8,
        signed: bool,
    },
    /// The whole of a vector register: only what lies there matters.
    LoadWide {
        place: Place,
    },
    Store {
        place: Place,
        src: Src,
        bytes: u8,
    },
    Add {
        dst: Reg,
        src: Src,
        negative: bool,
        bytes: u8,
    },
    /// Two operands added (or the second taken away), the second shifted left before.
    Sum {
        dst: Reg,
        left: Reg,
        right: Reg,
        shift: u8,
        negative: bool,
        bytes: u8,
    },
    And {
        dst: Reg,
        mask: i64,
        bytes: u8,
    },
    Or {
        dst: Reg,
        src: Src,
        bytes: u8,
    },
    Xor {
        dst: Reg,
        src: Src,
        bytes: u8,
    },
    /// Shifted by a number of bits.
    Shift {
        dst: Reg,
        by: u8,
        way: Way,
        bytes: u8,
    },
    /// The old value or the source's.
    Either {
        dst: Reg,
        src: Reg,
    },
    EitherLoad {
        dst: Reg,
        place: Place,
        bytes: u8,
    },
    Clobber {
        dst: Reg,
    },
    /// The next condition compares this register with that.
    Compare {
        reg: Reg,
        with: Src,
        bytes: u8,
    },
    /// The same with signs, which the analysis only uses where it asks for equality.
    CompareSigned {
        reg: Reg,
        with: Src,
        bytes: u8,
    },
    FlagsLost,
    /// The last comparison, or that there is none, goes to a condition register.
    Keep {
        field: u8,
    },
    /// The next condition asks a condition register.
    Recall {
        field: u8,
    },
}

/// How `Shift` shifts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Left,
    Right,
    /// To the right, keeping the sign.
    Signed,
}

/// Where a jump or call goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Address(u64),
    Reg(Reg),
    Memory(Place),
}

/// What a conditional jump asks of the last `Compare`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cond {
    Equal,
    NotEqual,
    Above,
    AboveOrEqual,
    Below,
    BelowOrEqual,
    Other,
}

/// How control leaves an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    Next,
    Jump(Target),
    Branch(Cond, u64),
    /// To the first if the condition holds, else to the second.
    Either(Cond, u64, u64),
    Call(Target),
    Return,
    /// Returns if the last `Compare` says so.
    ReturnIf(Cond),
    Syscall,
    /// A trap: nothing follows.
    Stop,
}

/// One decoded instruction; its operations are appended to the caller's list.
#[derive(Clone, Copy, Debug)]
pub struct Decoded {
    pub len: u8,
    pub flow: Flow,
}

/// An architecture: decoding and the conventions of its ABI.
pub trait Machine: Sync {
    /// A name of data/arches.toml.
    fn name(&self) -> &'static str;
    /// e_machine of its ELF files.
    fn elf(&self) -> u16;
    /// Bytes of a pointer.
    fn word(&self) -> u8;
    /// Was every instruction held against a second decoder, and what came of it against
    /// traces? Where not, no file is read: rows that lack calls look like good ones.
    fn is_proven(&self) -> bool {
        true
    }
    fn big_endian(&self) -> bool {
        false
    }
    /// Bytes between two places where an instruction may begin.
    fn step(&self) -> u8;
    /// Bits of a code address that say how to decode, not where (Thumb).
    fn mode_bits(&self) -> u64 {
        0
    }
    /// Bytes of the smallest entries of jump tables.
    fn narrowest_entry(&self) -> u8 {
        4
    }
    /// What the file holds in data that is read-only after relocation is part of the code.
    fn literal(&self, _word: u64) -> bool {
        false
    }
    /// Compilers leave no room between objects, though addresses are whole in instructions.
    fn packs(&self) -> bool {
        false
    }
    /// Streams of glibc tell how far their table lies from where it belongs, for programs
    /// older than it.
    fn moves_tables(&self) -> bool {
        false
    }
    /// A comparison still holds behind the branch that asks for it.
    fn branches_keep_flags(&self) -> bool {
        true
    }
    /// Holds the address to return to when a function is entered; none if the stack does.
    fn link(&self) -> Option<Reg> {
        None
    }
    /// How many registers are followed; at most as many as a `Mask` has bits.
    fn registers(&self) -> usize;
    fn stack_pointer(&self) -> Reg;
    /// Holds a copy of the stack pointer for the length of a function, by custom.
    fn frame_pointer(&self) -> Option<Reg> {
        None
    }
    /// Holds the number of a system call.
    fn number(&self) -> Reg;
    /// Hold the arguments of a system call.
    fn syscall_arguments(&self) -> &'static [Reg];
    /// Registers that a system call changes.
    fn syscall_clobbers(&self) -> Mask;
    /// Registers that the ABI lets a function change.
    fn call_clobbers(&self) -> Mask;
    /// Bytes that a call pushes (a return address).
    fn call_pushes(&self) -> i64;
    /// Registers that carry arguments.
    fn arguments(&self) -> &'static [Reg];
    /// Holds a function's result.
    fn result(&self) -> Reg;
    /// What registers hold whenever this function is entered (a table of contents).
    fn pinned(&self, _image: &Image, _entry: u64) -> Vec<(Reg, u64)> {
        Vec::new()
    }
    /// Where the function at `address`, whose code this is, begins for callers within the
    /// libc: behind the instructions that only set up what `pinned` tells.
    fn local_entry(&self, _code: &[u8], address: u64) -> u64 {
        address
    }
    /// The register in which this function gives its caller the address that it returns to.
    fn thunk(&self, _code: &[u8]) -> Option<Reg> {
        None
    }
    /// This function only enters the kernel: what a system call's instruction that goes
    /// by an address in the thread's block may lead to, or what saves the register of the
    /// number where that has another use. The register that it takes the number in.
    fn gate(&self, _code: &[u8]) -> Option<Reg> {
        None
    }
    /// A function begins here, though others only jump to it.
    fn jumped_to(&self, _code: &[u8]) -> bool {
        false
    }
    /// All code may be read in a line.
    fn sweeps(&self) -> bool {
        true
    }
    /// The address so many bytes after this one.
    fn after(&self, address: u64, bytes: u64) -> u64 {
        address + bytes
    }
    /// Decodes the instruction at the start of `code`; none if it is no instruction.
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded>;
}

/// Instructions up to and including the first that may go elsewhere.
#[derive(Clone, Debug)]
pub struct Block {
    pub ops: Box<[Op]>,
    /// Address of the last instruction.
    pub last: u64,
    /// Address after the last instruction.
    pub next: u64,
    pub flow: Flow,
}

/// Longest run of instructions taken as one block.
const LONGEST: usize = 4096;

/// Reads the block at `start`, ending early where `stop` says that another function begins;
/// `ops` is room that was used before.
pub fn block(
    machine: &dyn Machine,
    code: &[u8],
    start: u64,
    stop: impl Fn(u64) -> bool,
    ops: &mut Vec<Op>,
) -> Option<Block> {
    ops.clear();
    let mut at = 0usize;
    let mut next = start;
    for _ in 0..LONGEST {
        let address = next;
        let decoded = machine.decode(code.get(at..)?, address, ops)?;
        let len = decoded.len.max(1);
        at += usize::from(len);
        next = machine.after(address, len.into());
        if decoded.flow != Flow::Next || stop(next) {
            return Some(Block {
                ops: ops.as_slice().into(),
                last: address,
                next,
                flow: decoded.flow,
            });
        }
    }
    Some(Block {
        ops: ops.as_slice().into(),
        last: next,
        next,
        flow: Flow::Next,
    })
}
