//! `WebAssembly.Memory`: its bytes are JavaScript's `ArrayBuffer`, without a copy.

use wasmtime::{AsContext, Memory, MemoryType};

use super::super::natives::Native;
use super::super::quickjs::{Call, Context, Result, Value};
use super::{HostRef, handle, push, reasons, unknown};

pub(super) const NATIVES: &[(&str, Native)] = &[("memNew", create), ("memBuf", buffer), ("memGrow", grow)];

/// Smaller memories would only get bigger by it.
#[cfg(target_os = "linux")]
const HUGE_FROM_BYTES: usize = 16 << 20;

/// As many pages of 64 KiB as 32 bits can address.
const MOST_PAGES: u32 = 1 << 16;

/// A memory that JavaScript has seen, with the buffer it was last shown as.
pub(super) struct HostMemory {
    memory: Memory,
    shown: Option<(Value, usize)>,
}

/// A new handle for `memory`.
pub(super) fn handle_of(host: HostRef<'_>, context: Context, memory: Memory) -> Value {
    push(&host.objects.memories, context, HostMemory { memory, shown: None })
}

/// The memory with the handle `index`.
pub(super) fn of(host: HostRef<'_>, index: usize) -> Option<Memory> {
    host.objects.memories.borrow().get(index).map(|known| known.memory)
}

/// `memNew(initial, maximum)` in pages of 64 KiB
fn create(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let initial = call.argument(0).to_u32()?;
    let maximum = call.argument(1);
    let maximum = if maximum.is_undefined() { None } else { Some(maximum.to_u32()?) };
    if maximum.is_some_and(|maximum| maximum < initial) {
        return Err(call.context.range_error("WebAssembly.Memory(): maximum is below initial"));
    }
    if maximum.unwrap_or(initial) > MOST_PAGES {
        return Err(call.context.range_error("WebAssembly.Memory(): more than 4 GiB"));
    }
    match host.store.with(|mut store| Memory::new(&mut store, MemoryType::new(initial, maximum))) {
        Ok(memory) => Ok(handle_of(host, call.context, memory)),
        Err(error) => Err(call.context.range_error(&reasons(&error))),
    }
}

/// Asks for pages of 2 MiB behind a big memory: it is filled, and copied by `fork`, in far fewer steps.
fn in_huge_pages(start: *mut u8, length: usize) {
    #[cfg(target_os = "linux")]
    if length >= HUGE_FROM_BYTES {
        // SAFETY: the range is one that the engine mapped, its start is that of a page, and what is asked for
        // changes nothing but its speed. Where it is not to be had, that is no error.
        unsafe { libc::madvise(start.cast(), length, libc::MADV_HUGEPAGE) };
    }
}

/// `memBuf(memory)`: the same buffer until the memory grows, which detaches it.
fn buffer(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let index = handle(call, 0)?;
    let memory = of(host, index).ok_or_else(|| unknown(call, "Memory"))?;
    let (start, length) = host.store.with(|store| (memory.data_ptr(&store), memory.data_size(&store)));
    let stale = match &host.objects.memories.borrow()[index].shown {
        Some((buffer, shown)) if *shown == length => return Ok(buffer.clone()),
        shown => shown.as_ref().map(|(buffer, _)| buffer.clone()),
    };
    if let Some(stale) = stale {
        stale.detach();
    }
    in_huge_pages(start, length);
    // SAFETY: a memory's bytes stay where they are until its store is dropped, which happens after the
    // last JavaScript has run: growing within the reservation of 4 GiB never moves them, and the
    // engine reserves that much for every 32-bit memory.
    let buffer = unsafe { call.context.external_buffer(start, length) }?;
    host.objects.memories.borrow_mut()[index].shown = Some((buffer.clone(), length));
    Ok(buffer)
}

/// Empties the buffers of memories that have grown by themselves: whoever holds one sees that it is stale.
pub(super) fn keep_up(host: HostRef<'_>, store: impl AsContext) {
    for known in host.objects.memories.borrow_mut().iter_mut() {
        if let Some((buffer, _)) = known.shown.take_if(|(_, shown)| *shown != known.memory.data_size(&store))
        {
            buffer.detach();
        }
    }
}

/// `memGrow(memory, pages)`: how many pages there were.
fn grow(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let index = handle(call, 0)?;
    let pages = u64::from(call.argument(1).to_u32()?);
    let memory = of(host, index).ok_or_else(|| unknown(call, "Memory"))?;
    match host.store.with(|mut store| memory.grow(&mut store, pages)) {
        Ok(before) => {
            // Now, not when it is next asked for: whoever holds the old buffer must see it empty.
            buffer(host, call)?;
            Ok(super::entries(call.context, before))
        }
        Err(error) => Err(call.context.range_error(&reasons(&error))),
    }
}
