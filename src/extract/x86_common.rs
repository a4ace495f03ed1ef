// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86 instructions, of 32 and 64 bits, to the analysis's operations.

use iced_x86::{
    ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    InstructionInfoOptions, Mnemonic, OpAccess, OpKind, Register,
};

use super::ir::{Cond, Decoded, Flow, Op, Place, Reg, Src, Target, Way};
use super::x86_operands::{HIGH, immediate, place, reg, source, whole, width, word};

pub const AX: Reg = 0;
pub const CX: Reg = 1;
pub const DX: Reg = 2;
pub const BX: Reg = 3;
pub const SP: Reg = 4;
pub const BP: Reg = 5;
pub const SI: Reg = 6;
pub const DI: Reg = 7;
/// No register: carries what an instruction reads from memory besides.
pub const CARRY: Reg = 16;
pub const REGISTERS: usize = 17;

/// Branches that count.
const LOOPS: [Mnemonic; 3] = [Mnemonic::Loop, Mnemonic::Loope, Mnemonic::Loopne];

/// The kernel's entry of i386, as the C libraries call it: what lies there in the thread's block.
const GATE: u64 = 0x10;

/// The instruction at the start of `code`, of so many bits.
pub fn decode(bits: u32, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
    let code = code.get(..code.len().min(15))?;
    let mut decoder = Decoder::with_ip(bits, code, address, DecoderOptions::NONE);
    let mut i = Instruction::default();
    decoder.decode_out(&mut i);
    if i.is_invalid() {
        return None;
    }
    let mut flow = flow(&i);
    if flow == Flow::Next {
        lower(&i, ops);
    } else if flow == Flow::Return && i.op_count() > 0 {
        // What a function was given to return a structure in.
        ops.push(Op::Address {
            dst: SP,
            place: at(SP, i64::from(i.immediate16())),
            bytes: word(&i),
        });
    } else if LOOPS.contains(&i.mnemonic()) {
        ops.push(Op::Clobber { dst: CX });
    } else if i.mnemonic() == Mnemonic::Xbegin {
        // Why a transaction was given up.
        ops.push(Op::Clobber { dst: AX });
    } else if flow == Flow::Call(Target::Address(i.next_ip())) {
        // Only pushes its own address, to be popped.
        ops.push(stack(&i, -1));
        ops.push(Op::Const {
            dst: CARRY,
            value: i.next_ip(),
        });
        ops.push(Op::Store {
            place: at(SP, 0),
            src: Src::Reg(CARRY),
            bytes: word(&i),
        });
        flow = Flow::Next;
    }
    Some(Decoded {
        len: i.len() as u8,
        flow,
    })
}

fn flow(i: &Instruction) -> Flow {
    match i.flow_control() {
        FlowControl::Next => match i.mnemonic() {
            Mnemonic::Hlt | Mnemonic::Ud2 | Mnemonic::Ud0 | Mnemonic::Ud1 => Flow::Stop,
            _ => Flow::Next,
        },
        FlowControl::UnconditionalBranch => Flow::Jump(Target::Address(i.near_branch_target())),
        FlowControl::IndirectBranch => indirect(i).map_or(Flow::Stop, Flow::Jump),
        FlowControl::ConditionalBranch => {
            let cond = match i.condition_code() {
                ConditionCode::e => Cond::Equal,
                ConditionCode::ne => Cond::NotEqual,
                ConditionCode::a => Cond::Above,
                ConditionCode::ae => Cond::AboveOrEqual,
                ConditionCode::b => Cond::Below,
                ConditionCode::be => Cond::BelowOrEqual,
                _ => Cond::Other,
            };
            Flow::Branch(cond, i.near_branch_target())
        }
        FlowControl::Return => Flow::Return,
        FlowControl::Call if is_syscall(i) => Flow::Syscall,
        FlowControl::Call => Flow::Call(Target::Address(i.near_branch_target())),
        FlowControl::IndirectCall | FlowControl::Interrupt if is_gate(i) => Flow::Syscall,
        FlowControl::IndirectCall => indirect(i).map_or(Flow::Next, Flow::Call),
        FlowControl::Interrupt => Flow::Stop,
        // Transactions only choose between two ways on; the other way is reached elsewhere.
        FlowControl::XbeginXabortXend => match i.mnemonic() {
            Mnemonic::Xbegin => Flow::Branch(Cond::Other, i.near_branch_target()),
            _ => Flow::Next,
        },
        FlowControl::Exception => Flow::Stop,
    }
}

fn is_syscall(i: &Instruction) -> bool {
    matches!(i.mnemonic(), Mnemonic::Syscall | Mnemonic::Sysenter)
}

/// How code of 32 bits enters the kernel: `int $0x80` and `call *%gs:0x10`.
fn is_gate(i: &Instruction) -> bool {
    if word(i) != 4 {
        return false;
    }
    match i.mnemonic() {
        Mnemonic::Int => i.immediate8() == 0x80,
        _ => {
            i.op0_kind() == OpKind::Memory
                && i.segment_prefix() == Register::GS
                && i.memory_base() == Register::None
                && i.memory_index() == Register::None
                && i.memory_displacement64() == GATE
        }
    }
}

fn indirect(i: &Instruction) -> Option<Target> {
    match i.op0_kind() {
        OpKind::Register => reg(i.op0_register()).map(Target::Reg),
        OpKind::Memory => Some(Target::Memory(place(i))),
        _ => None,
    }
}

fn at(base: Reg, disp: i64) -> Place {
    Place {
        base: Some(base),
        index: None,
        disp,
        foreign: false,
    }
}

/// The stack pointer moved by so many words.
fn stack(i: &Instruction, words: i64) -> Op {
    Op::Add {
        dst: SP,
        src: Src::Imm(words * i64::from(word(i))),
        negative: false,
        bytes: word(i),
    }
}

fn lower(i: &Instruction, ops: &mut Vec<Op>) {
    let known = match i.mnemonic() {
        Mnemonic::Mov | Mnemonic::Movzx | Mnemonic::Movsx | Mnemonic::Movsxd => moves(i, ops),
        Mnemonic::Push | Mnemonic::Pop | Mnemonic::Leave => stacks(i, ops),
        Mnemonic::Cmp | Mnemonic::Test => compares(i, ops),
        Mnemonic::Nop | Mnemonic::Endbr64 | Mnemonic::Endbr32 => true,
        Mnemonic::Rol | Mnemonic::Ror | Mnemonic::Xor if guards(i) => true,
        _ => arithmetic(i, ops),
    };
    if !known {
        clobbers(i, ops);
    }
    if i.rflags_modified() != 0 && !matches!(i.mnemonic(), Mnemonic::Cmp | Mnemonic::Test) {
        ops.push(Op::FlagsLost);
    }
}

fn moves(i: &Instruction, ops: &mut Vec<Op>) -> bool {
    if i.op1_kind() == OpKind::Register && i.op1_register().is_segment_register() {
        return selector(i, ops);
    }
    let signed = matches!(i.mnemonic(), Mnemonic::Movsx | Mnemonic::Movsxd);
    if i.op0_kind() == OpKind::Memory {
        ops.push(Op::Store {
            place: place(i),
            src: source(i, 1),
            bytes: width(i, 0),
        });
        return true;
    }
    let Some(dst) = whole(i) else {
        return part(i, ops);
    };
    match i.op1_kind() {
        OpKind::Register => {
            let Some(src) = reg(i.op1_register()) else {
                return false;
            };
            if HIGH.contains(&i.op1_register()) {
                return false;
            }
            ops.push(Op::Copy {
                dst,
                src,
                bytes: width(i, 1),
                signed,
            });
        }
        OpKind::Memory => ops.push(Op::Load {
            dst,
            place: place(i),
            bytes: width(i, 1),
            signed,
        }),
        _ => {
            let Some(value) = immediate(i, 1) else {
                return false;
            };
            let value = if i.op0_register().size() == 4 {
                value as u32 as u64
            } else {
                value as u64
            };
            ops.push(Op::Const { dst, value });
        }
    }
    true
}

/// The number of a segment: the kernel gives out a few dozen, and musl's clone
/// counts on their fitting into a byte.
fn selector(i: &Instruction, ops: &mut Vec<Op>) -> bool {
    let (OpKind::Register, Some(dst)) = (i.op0_kind(), reg(i.op0_register())) else {
        return false;
    };
    if whole(i).is_some() {
        ops.push(Op::Const { dst, value: 0 });
    } else {
        ops.push(Op::Insert {
            dst,
            value: 0,
            shift: 8,
            bytes: 1,
        });
    }
    ops.push(Op::Blur { dst, bytes: 1 });
    true
}

/// `mov $56, %al`: hand-written code makes small numbers so.
fn part(i: &Instruction, ops: &mut Vec<Op>) -> bool {
    let high = HIGH.contains(&i.op0_register());
    match (reg(i.op0_register()), immediate(i, 1)) {
        (Some(dst), Some(value)) => {
            let bytes = i.op0_register().size() as u8;
            ops.push(Op::Insert {
                dst,
                value: value as u64,
                shift: if high { 8 } else { 0 },
                bytes,
            });
            true
        }
        _ => false,
    }
}

fn stacks(i: &Instruction, ops: &mut Vec<Op>) -> bool {
    match i.mnemonic() {
        Mnemonic::Push => {
            let src = match i.op0_kind() {
                OpKind::Memory => {
                    ops.push(Op::Load {
                        dst: CARRY,
                        place: place(i),
                        bytes: word(i),
                        signed: false,
                    });
                    Src::Reg(CARRY)
                }
                _ => source(i, 0),
            };
            ops.push(stack(i, -1));
            ops.push(Op::Store {
                place: at(SP, 0),
                src,
                bytes: word(i),
            });
        }
        Mnemonic::Pop => {
            let dst = whole(i).unwrap_or(CARRY);
            ops.push(Op::Load {
                dst,
                place: at(SP, 0),
                bytes: word(i),
                signed: false,
            });
            ops.push(stack(i, 1));
            if i.op0_kind() == OpKind::Memory {
                ops.push(Op::Store {
                    place: place(i),
                    src: Src::Reg(CARRY),
                    bytes: word(i),
                });
            }
        }
        _ => {
            ops.push(Op::Copy {
                dst: SP,
                src: BP,
                bytes: word(i),
                signed: false,
            });
            ops.push(Op::Load {
                dst: BP,
                place: at(SP, 0),
                bytes: word(i),
                signed: false,
            });
            ops.push(stack(i, 1));
        }
    }
    true
}

fn compares(i: &Instruction, ops: &mut Vec<Op>) -> bool {
    ops.push(Op::FlagsLost);
    if i.op0_kind() != OpKind::Register || i.op0_register().size() < 4 {
        return true;
    }
    let Some(left) = reg(i.op0_register()) else {
        return true;
    };
    let bytes = i.op0_register().size() as u8;
    if i.mnemonic() == Mnemonic::Test {
        if i.op1_kind() == OpKind::Register && i.op1_register() == i.op0_register() {
            ops.push(Op::Compare {
                reg: left,
                with: Src::Imm(0),
                bytes,
            });
        }
    } else if let Some(with) = immediate(i, 1) {
        ops.push(Op::Compare {
            reg: left,
            with: Src::Imm(with),
            bytes,
        });
    }
    true
}

fn arithmetic(i: &Instruction, ops: &mut Vec<Op>) -> bool {
    if cleared(i)
        && let Some(dst) = whole(i)
    {
        ops.push(Op::Const { dst, value: 0 });
        return true;
    }
    if wide(i) {
        ops.push(Op::LoadWide { place: place(i) });
        return false;
    }
    let Some(dst) = whole(i) else { return false };
    let bytes = i.op0_register().size() as u8;
    match i.mnemonic() {
        Mnemonic::Xchg if whole_source(i).is_some() => exchange(i, dst, bytes, ops),
        Mnemonic::Shl | Mnemonic::Shr | Mnemonic::Sar => match immediate(i, 1) {
            Some(by) => ops.push(Op::Shift {
                dst,
                by: by as u8 & (8 * bytes - 1),
                way: match i.mnemonic() {
                    Mnemonic::Shl => Way::Left,
                    Mnemonic::Shr => Way::Right,
                    _ => Way::Signed,
                },
                bytes,
            }),
            None => return false,
        },
        Mnemonic::Add | Mnemonic::Sub if i.op1_kind() == OpKind::Memory => {
            ops.push(Op::Load {
                dst: CARRY,
                place: place(i),
                bytes,
                signed: false,
            });
            ops.push(Op::Add {
                dst,
                src: Src::Reg(CARRY),
                negative: i.mnemonic() == Mnemonic::Sub,
                bytes,
            });
        }
        Mnemonic::Lea => ops.push(Op::Address {
            dst,
            place: place(i),
            bytes,
        }),
        Mnemonic::Add | Mnemonic::Sub => {
            let negative = i.mnemonic() == Mnemonic::Sub;
            ops.push(Op::Add {
                dst,
                src: source(i, 1),
                negative,
                bytes,
            });
        }
        Mnemonic::Inc | Mnemonic::Dec => {
            let by = if i.mnemonic() == Mnemonic::Inc { 1 } else { -1 };
            ops.push(Op::Add {
                dst,
                src: Src::Imm(by),
                negative: false,
                bytes,
            });
        }
        Mnemonic::And => match immediate(i, 1) {
            Some(mask) => ops.push(Op::And { dst, mask, bytes }),
            None => return false,
        },
        Mnemonic::Or if immediate(i, 1) == Some(-1) => {
            let value = if bytes == 4 {
                u64::from(u32::MAX)
            } else {
                u64::MAX
            };
            ops.push(Op::Const { dst, value });
        }
        _ if i.condition_code() != ConditionCode::None && i.code().mnemonic() != Mnemonic::Sete => {
            return moves_if(i, dst, bytes, ops);
        }
        _ => return false,
    }
    true
}

fn whole_source(i: &Instruction) -> Option<Reg> {
    match i.op1_kind() {
        OpKind::Register if i.op1_register().size() >= 4 => reg(i.op1_register()),
        _ => None,
    }
}

fn exchange(i: &Instruction, dst: Reg, bytes: u8, ops: &mut Vec<Op>) {
    let Some(src) = whole_source(i) else { return };
    let mut copy = |dst, src| {
        ops.push(Op::Copy {
            dst,
            src,
            bytes,
            signed: false,
        });
    };
    copy(CARRY, dst);
    copy(dst, src);
    copy(src, CARRY);
}

/// glibc keeps function pointers xored with a secret in the thread's block and
/// rotated: for the analysis a pointer in either form is that pointer.
fn guards(i: &Instruction) -> bool {
    let (segment, offset, bits) = match word(i) {
        4 => (Register::GS, 0x18, 9),
        _ => (Register::FS, 0x30, 0x11),
    };
    match i.mnemonic() {
        Mnemonic::Xor => {
            i.op1_kind() == OpKind::Memory
                && i.segment_prefix() == segment
                && i.memory_displacement64() == offset
        }
        _ => i.op0_kind() == OpKind::Register && immediate(i, 1) == Some(bits),
    }
}

/// `xor r, r` and `sub r, r`.
fn cleared(i: &Instruction) -> bool {
    matches!(i.mnemonic(), Mnemonic::Xor | Mnemonic::Sub)
        && i.op1_kind() == OpKind::Register
        && i.op0_kind() == OpKind::Register
        && i.op0_register() == i.op1_register()
}

/// A load of a whole vector register.
fn wide(i: &Instruction) -> bool {
    i.op0_kind() == OpKind::Register
        && i.op0_register().is_vector_register()
        && i.op1_kind() == OpKind::Memory
        && i.memory_size().size() >= 16
}

/// cmovcc.
fn moves_if(i: &Instruction, dst: Reg, bytes: u8, ops: &mut Vec<Op>) -> bool {
    match i.op1_kind() {
        OpKind::Register => {
            let Some(src) = reg(i.op1_register()) else {
                return false;
            };
            ops.push(Op::Either { dst, src });
        }
        OpKind::Memory => ops.push(Op::EitherLoad {
            dst,
            place: place(i),
            bytes,
        }),
        _ => return false,
    }
    true
}

/// All that an instruction writes becomes unknown.
fn clobbers(i: &Instruction, ops: &mut Vec<Op>) {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info_options(i, InstructionInfoOptions::NO_MEMORY_USAGE);
    for used in info.used_registers() {
        let writes = matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        );
        if let (true, Some(dst)) = (writes, reg(used.register())) {
            ops.push(Op::Clobber { dst });
        }
    }
    // A store that was not understood still overwrites what was there.
    if i.op0_kind() == OpKind::Memory && i.op_count() > 0 {
        ops.push(Op::Store {
            place: place(i),
            src: Src::Unknown,
            bytes: width(i, 0),
        });
    }
}
