// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the analysis knows of a machine: a few register operations and a few ways on.
//!
//! A decoder lowers each instruction to this and nothing above it knows the
//! architecture. What an instruction does beyond these operations is either of
//! no interest (memory through unknown pointers, floating point) or said as
//! `Clobber`: being coarse here costs precision, never soundness.

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
    /// The low bytes become this number, the others stay.
    Insert {
        dst: Reg,
        value: u64,
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
    And {
        dst: Reg,
        mask: i64,
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
    /// The flags now compare this register with this number.
    Compare {
        reg: Reg,
        with: i64,
        bytes: u8,
    },
    FlagsLost,
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
    Call(Target),
    Return,
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
    /// How many registers are followed.
    fn registers(&self) -> usize;
    fn stack_pointer(&self) -> Reg;
    /// Holds the number of a system call.
    fn number(&self) -> Reg;
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
    /// Decodes the instruction at the start of `code`; none if it is no instruction.
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded>;
}

/// Instructions up to and including the first that may go elsewhere.
#[derive(Clone, Debug)]
pub struct Block {
    pub ops: Vec<Op>,
    /// Address of the last instruction.
    pub last: u64,
    /// Address after the last instruction.
    pub next: u64,
    pub flow: Flow,
}

/// Longest run of instructions taken as one block.
const LONGEST: usize = 4096;

/// Reads the block at `start`, ending early where `stop` says that another function begins.
pub fn block(
    machine: &dyn Machine,
    code: &[u8],
    start: u64,
    stop: impl Fn(u64) -> bool,
) -> Option<Block> {
    let mut ops = Vec::new();
    let mut at = 0usize;
    for _ in 0..LONGEST {
        let address = start + at as u64;
        let decoded = machine.decode(code.get(at..)?, address, &mut ops)?;
        at += usize::from(decoded.len.max(1));
        let next = start + at as u64;
        if decoded.flow != Flow::Next || stop(next) {
            return Some(Block {
                ops,
                last: address,
                next,
                flow: decoded.flow,
            });
        }
    }
    let next = start + at as u64;
    Some(Block {
        ops,
        last: next,
        next,
        flow: Flow::Next,
    })
}
