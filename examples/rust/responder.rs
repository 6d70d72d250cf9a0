// SPDX-License-Identifier: MIT

//! A network that answers ping, without any crate:
//!
//!     rustc -O --target x86_64-pc-windows-gnu responder.rs
//!
//! Put plaintun.dll of the same architecture beside responder.exe and run it as administrator. Ends with Ctrl-C; the
//! adapter goes with it.
use std::ffi::c_void;
use std::io::{Error, Write};
use std::{mem, ptr, slice};

#[repr(C)]
struct AdapterConfig {
    size: u32,
    mtu: u32,
    name: *const u16,
    tunnel_type: *const u16,
    guid: *const c_void,
    access_list: *const u16,
    timeout_ms: u32,
    flags: u32,
    metric: u32,
    reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Packet {
    data: *mut u8,
    size: u32,
    flags: u32,
}

const WAIT_PACKETS: u32 = 1;
const INFINITE: u32 = u32::MAX;
const BATCH: usize = 64;

#[link(name = "kernel32")]
extern "system" {
    fn LoadLibraryW(name: *const u16) -> *mut c_void;
    fn GetProcAddress(module: *mut c_void, name: *const u8) -> *mut c_void;
}

type Handle = *mut c_void;

/// The functions of plaintun.dll that are used here.
struct Plaintun {
    create_adapter: unsafe extern "system" fn(*const AdapterConfig) -> Handle,
    start_session: unsafe extern "system" fn(Handle, *const c_void) -> Handle,
    receive: unsafe extern "system" fn(Handle, *mut Packet, u32) -> u32,
    release: unsafe extern "system" fn(Handle, *const Packet, u32),
    allocate: unsafe extern "system" fn(Handle, *mut Packet, u32) -> u32,
    send: unsafe extern "system" fn(Handle, *const Packet, u32),
    wait: unsafe extern "system" fn(Handle, u32, u32) -> u32,
    get_message: unsafe extern "system" fn(*mut u16, u32) -> u32,
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain(Some(0)).collect()
}

impl Plaintun {
    fn load() -> Option<Plaintun> {
        // Safety: the types above are those of include/plaintun.h.
        unsafe {
            let module = LoadLibraryW(wide("plaintun.dll").as_ptr());
            let get = |name: &str| {
                let address = if module.is_null() { ptr::null_mut() } else { GetProcAddress(module, name.as_ptr()) };
                if address.is_null() { None } else { Some(address) }
            };
            Some(Plaintun {
                create_adapter: mem::transmute(get("PlaintunCreateAdapter\0")?),
                start_session: mem::transmute(get("PlaintunStartSession\0")?),
                receive: mem::transmute(get("PlaintunReceive\0")?),
                release: mem::transmute(get("PlaintunRelease\0")?),
                allocate: mem::transmute(get("PlaintunAllocate\0")?),
                send: mem::transmute(get("PlaintunSend\0")?),
                wait: mem::transmute(get("PlaintunWait\0")?),
                get_message: mem::transmute(get("PlaintunGetMessage\0")?),
            })
        }
    }

    fn fail(&self, what: &str) -> ! {
        let error = Error::last_os_error();
        let mut text = [0u16; 1024];
        let length = unsafe { (self.get_message)(text.as_mut_ptr(), text.len() as u32) } as usize;
        eprintln!("{}: {} {}", what, error, String::from_utf16_lossy(&text[..length.min(text.len())]));
        std::process::exit(1)
    }
}

/// Makes the answer to an echo request in place. Its checksum changes with one word (RFC 1624).
fn make_reply(p: &mut [u8]) -> bool {
    if p.len() < 28 || p[0] >> 4 != 4 || p[9] != 1 {
        return false;
    }
    let icmp = (p[0] & 15) as usize * 4;
    if p.len() < icmp + 8 || p[icmp] != 8 {
        return false;
    }
    for i in 12..16 {
        p.swap(i, i + 4);
    }
    let sum = u32::from(p[icmp + 2]) << 8 | u32::from(p[icmp + 3]);
    let sum = sum + 0x800;
    let sum = (sum & 0xffff) + (sum >> 16);
    p[icmp] = 0;
    p[icmp + 2] = (sum >> 8) as u8;
    p[icmp + 3] = sum as u8;
    true
}

fn main() {
    let plaintun = Plaintun::load().expect("plaintun.dll beside this program, of the same architecture");
    let (name, tunnel_type) = (wide("responder"), wide("Example"));
    let config = AdapterConfig {
        size: mem::size_of::<AdapterConfig>() as u32,
        mtu: 0,
        name: name.as_ptr(),
        tunnel_type: tunnel_type.as_ptr(),
        guid: ptr::null(),
        access_list: ptr::null(),
        timeout_ms: 0,
        flags: 0,
        metric: 0,
        reserved: 0,
    };
    let adapter = unsafe { (plaintun.create_adapter)(&config) };
    if adapter.is_null() {
        plaintun.fail("creating the adapter");
    }
    let session = unsafe { (plaintun.start_session)(adapter, ptr::null()) };
    if session.is_null() {
        plaintun.fail("starting the session");
    }
    println!("ready: netsh interface ipv4 set address responder static 10.9.0.1 255.255.255.0, then ping 10.9.0.2");
    let _ = std::io::stdout().flush();
    let mut packets = [Packet { data: ptr::null_mut(), size: 0, flags: 0 }; BATCH];
    while unsafe { (plaintun.wait)(session, WAIT_PACKETS, INFINITE) } != 0 {
        let count = unsafe { (plaintun.receive)(session, packets.as_mut_ptr(), BATCH as u32) };
        for packet in &packets[..count as usize] {
            // Safety: a received packet is ours until it is released.
            let data = unsafe { slice::from_raw_parts_mut(packet.data, packet.size as usize) };
            let mut answer = Packet { data: ptr::null_mut(), size: packet.size, flags: 0 };
            if !make_reply(data) || unsafe { (plaintun.allocate)(session, &mut answer, 1) } == 0 {
                continue; // no request, or the ring is full
            }
            unsafe {
                ptr::copy_nonoverlapping(packet.data, answer.data, data.len());
                (plaintun.send)(session, &answer, 1);
            }
        }
        unsafe { (plaintun.release)(session, packets.as_ptr(), count) };
    }
    plaintun.fail("waiting for packets");
}
