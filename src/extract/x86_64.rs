// SPDX-License-Identifier: MIT OR Apache-2.0
//! x86-64: instructions to the analysis's operations, and the System V ABI's registers.

use iced_x86::{
    ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    InstructionInfoOptions, Mnemonic, OpAccess, OpKind, Register,
};

use super::ir::{Cond, Decoded, Flow, Machine, Mask, Op, Place, Reg, Src, Target};

/// The one value of this machine.
pub struct X86_64;

const RAX: Reg = 0;
const RCX: Reg = 1;
const RDX: Reg = 2;
const RSP: Reg = 4;
const RBP: Reg = 5;
const RSI: Reg = 6;
const RDI: Reg = 7;
const R8: Reg = 8;
const R9: Reg = 9;
const R10: Reg = 10;
const R11: Reg = 11;
/// No register: carries what `push` reads from memory.
const CARRY: Reg = 16;

/// Branches that count.
const LOOPS: [Mnemonic; 3] = [Mnemonic::Loop, Mnemonic::Loope, Mnemonic::Loopne];

/// Second bytes of registers: nothing of interest passes through them.
const HIGH: [Register; 4] = [Register::AH, Register::BH, Register::CH, Register::DH];

impl Machine for X86_64 {
    fn name(&self) -> &'static str {
        "x86_64"
    }
    fn elf(&self) -> u16 {
        62
    }
    fn word(&self) -> u8 {
        8
    }
    fn step(&self) -> u8 {
        1
    }
    fn registers(&self) -> usize {
        17
    }
    fn stack_pointer(&self) -> Reg {
        RSP
    }
    fn frame_pointer(&self) -> Option<Reg> {
        Some(RBP)
    }
    fn number(&self) -> Reg {
        RAX
    }
    fn syscall_arguments(&self) -> &'static [Reg] {
        &[RDI, RSI, RDX, R10, R8, R9]
    }
    fn syscall_clobbers(&self) -> Mask {
        1 << RAX | 1 << RCX | 1 << R11
    }
    fn call_clobbers(&self) -> Mask {
        [RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11]
            .iter()
            .fold(0, |mask, reg| mask | 1 << reg)
    }
    fn call_pushes(&self) -> i64 {
        8
    }
    fn arguments(&self) -> &'static [Reg] {
        &[RDI, RSI, RDX, RCX, R8, R9]
    }
    fn result(&self) -> Reg {
        RAX
    }
    fn decode(&self, code: &[u8], address: u64, ops: &mut Vec<Op>) -> Option<Decoded> {
        let code = code.get(..code.len().min(15))?;
        let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
        let mut i = Instruction::default();
        decoder.decode_out(&mut i);
        if i.is_invalid() {
            return None;
        }
        let flow = flow(&i);
        if flow == Flow::Next {
            lower(&i, ops);
        } else if LOOPS.contains(&i.mnemonic()) {
            ops.push(Op::Clobber { dst: RCX });
        }
        Some(Decoded {
            len: i.len() as u8,
            flow,
        })
    }
}

/// The general register whose part this is.
fn reg(r: Register) -> Option<Reg> {
    if r.is_gpr() {
        Some((r.full_register() as u32 - Register::RAX as u32) as Reg)
    } else {
        None
    }
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
        FlowControl::Call if i.mnemonic() == Mnemonic::Syscall => Flow::Syscall,
        FlowControl::Call => Flow::Call(Target::Address(i.near_branch_target())),
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

fn indirect(i: &Instruction) -> Option<Target> {
    match i.op0_kind() {
        OpKind::Register => reg(i.op0_register()).map(Target::Reg),
        OpKind::Memory => Some(Target::Memory(place(i))),
        _ => None,
    }
}

fn place(i: &Instruction) -> Place {
    let foreign = matches!(i.segment_prefix(), Register::FS | Register::GS);
    if i.is_ip_rel_memory_operand() {
        return Place {
            base: None,
            index: None,
            disp: i.ip_rel_memory_address() as i64,
            foreign,
        };
    }
    Place {
        base: reg(i.memory_base()),
        index: reg(i.memory_index()).map(|r| (r, i.memory_index_scale() as u8)),
        disp: i.memory_displacement64() as i64,
        // A vector index (gather) is no address that could be followed.
        foreign: foreign
            || (i.memory_base() != Register::None && reg(i.memory_base()).is_none())
            || (i.memory_index() != Register::None && reg(i.memory_index()).is_none()),
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

fn stack(by: i64) -> Op {
    Op::Add {
        dst: RSP,
        src: Src::Imm(by),
        negative: false,
        bytes: 8,
    }
}

fn width(i: &Instruction, operand: u32) -> u8 {
    match i.op_kind(operand) {
        OpKind::Register => i.op_register(operand).size() as u8,
        OpKind::Memory => i.memory_size().size() as u8,
        _ => 8,
    }
}

fn immediate(i: &Instruction, operand: u32) -> Option<i64> {
    match i.op_kind(operand) {
        OpKind::Register | OpKind::Memory => None,
        _ => i.try_immediate(operand).ok().map(|v| v as i64),
    }
}

fn source(i: &Instruction, operand: u32) -> Src {
    match i.op_kind(operand) {
        OpKind::Register => reg(i.op_register(operand)).map_or(Src::Unknown, Src::Reg),
        OpKind::Memory => Src::Unknown,
        _ => immediate(i, operand).map_or(Src::Unknown, Src::Imm),
    }
}

/// A destination register written whole (a 32-bit write clears the rest).
fn whole(i: &Instruction) -> Option<Reg> {
    if i.op0_kind() != OpKind::Register || i.op0_register().size() < 4 {
        return None;
    }
    reg(i.op0_register())
}

fn lower(i: &Instruction, ops: &mut Vec<Op>) {
    let known = match i.mnemonic() {
        Mnemonic::Mov | Mnemonic::Movzx | Mnemonic::Movsx | Mnemonic::Movsxd => moves(i, ops),
        Mnemonic::Push | Mnemonic::Pop | Mnemonic::Leave => stacks(i, ops),
        Mnemonic::Cmp | Mnemonic::Test => compares(i, ops),
        Mnemonic::Nop | Mnemonic::Endbr64 => true,
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

/// `mov $56, %al`: hand-written code makes small numbers so.
fn part(i: &Instruction, ops: &mut Vec<Op>) -> bool {
    let high = HIGH.contains(&i.op0_register());
    match (reg(i.op0_register()), immediate(i, 1)) {
        (Some(dst), Some(value)) if !high => {
            let bytes = i.op0_register().size() as u8;
            ops.push(Op::Insert {
                dst,
                value: value as u64,
                shift: 0,
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
                        bytes: 8,
                        signed: false,
                    });
                    Src::Reg(CARRY)
                }
                _ => source(i, 0),
            };
            ops.push(stack(-8));
            ops.push(Op::Store {
                place: at(RSP, 0),
                src,
                bytes: 8,
            });
        }
        Mnemonic::Pop => {
            if let Some(dst) = whole(i) {
                ops.push(Op::Load {
                    dst,
                    place: at(RSP, 0),
                    bytes: 8,
                    signed: false,
                });
            }
            ops.push(stack(8));
        }
        _ => {
            ops.push(Op::Copy {
                dst: RSP,
                src: RBP,
                bytes: 8,
                signed: false,
            });
            ops.push(Op::Load {
                dst: RBP,
                place: at(RSP, 0),
                bytes: 8,
                signed: false,
            });
            ops.push(stack(8));
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

/// glibc keeps function pointers xored with a secret at %fs:0x30 and rotated by
/// 17: for the analysis a pointer in either form is that pointer.
fn guards(i: &Instruction) -> bool {
    match i.mnemonic() {
        Mnemonic::Xor => {
            i.op1_kind() == OpKind::Memory
                && i.segment_prefix() == Register::FS
                && i.memory_displacement64() == 0x30
        }
        _ => i.op0_kind() == OpKind::Register && immediate(i, 1) == Some(0x11),
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
