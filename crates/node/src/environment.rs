//! One Node environment (the main thread or a worker): its doorbell and its servers.
//!
//! Nothing here is shared between environments, and everything ends with one: a cleanup hook stops and joins the
//! threads of its servers. Node runs hooks in the reverse order of their registration, so this one, registered after
//! the doorbell was made, runs before the doorbell goes away.

use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use gev_reactor::{LoopHandle, Reactor};
use napi::bindgen_prelude::{Function, Unknown, check_status};
use napi::{Env, Error, JsValue, Result, sys};
use napi_derive::napi;

use crate::doorbell::Doorbell;
use crate::error::{NativeError, native_error, start_error};
use crate::loop_bridge::LoopBridge;
use crate::memory::Memory;
use crate::options::{NativeOptions, config};

/// This environment's side of all its servers. One for each environment.
#[napi]
pub struct Environment {
    doorbell: Arc<Doorbell>,
    reactors: Reactors,
}

/// A started server.
#[napi]
pub struct NativeServer {
    reactor: Arc<Mutex<Option<Reactor>>>,
    loops: Vec<LoopHandle>,
    memory: Vec<sys::napi_ref>,
    address: String,
    port: u32,
}

/// Every reactor that was started in an environment and not joined since.
type Reactors = Arc<Mutex<Vec<Arc<Mutex<Option<Reactor>>>>>>;

#[napi]
impl Environment {
    /// `drain` is called when there is something in the queues of any server; `pending` is a view of at least four
    /// bytes that are never detached, zero at first, 1 while a call of `drain` is on its way or running.
    /// `libuv`: the runtime is Node itself, whose event loop is libuv's.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        drain: Function<'_, (), ()>,
        pending: Unknown<'_>,
        libuv: bool,
    ) -> Result<Self> {
        let (base, len) = view(&env, &pending)?;
        if len < 4 || base.align_offset(4) != 0 {
            return Err(Error::from_reason("Bug: `pending` is too short"));
        }
        // Never deleted: the memory has to live as long as the environment.
        reference(&env, &pending)?;
        // SAFETY: at least four aligned bytes, which the reference keeps; JavaScript accesses them with Atomics only.
        let pending = unsafe { std::sync::atomic::AtomicU32::from_ptr(base.cast()) };
        // SAFETY: as above; and the cleanup hook below joins all threads that ring.
        let doorbell = Arc::new(unsafe { Doorbell::new(env, &drain, pending, libuv)? });
        let reactors = Reactors::default();
        env.add_env_cleanup_hook(Arc::clone(&reactors), |reactors| {
            for reactor in lock(&reactors).drain(..) {
                // Dropping a reactor aborts its loops and joins their threads.
                drop(lock(&reactor).take());
            }
        })?;
        Ok(Self { doorbell, reactors })
    }

    /// Binds the port and starts the loops, one for each view in `memory` (of `memorySize()` zero bytes each).
    #[napi(catch_unwind)]
    pub fn start(
        &self,
        env: Env,
        options: NativeOptions,
        memory: Vec<Unknown<'_>>,
    ) -> std::result::Result<NativeServer, NativeError> {
        let config = config(&options).map_err(native_error)?;
        let bridges = self
            .bridges(&env, &options, &memory)
            .map_err(native_error)?;
        let memory = memory
            .iter()
            .map(|value| reference(&env, value))
            .collect::<Result<Vec<_>>>();
        let memory = memory.map_err(native_error)?;
        let reactor = Reactor::start(config, bridges).map_err(start_error)?;
        let address = reactor.local_addr();
        let loops = reactor.loops().to_vec();
        let reactor = Arc::new(Mutex::new(Some(reactor)));
        let mut reactors = lock(&self.reactors);
        reactors.retain(|reactor| lock(reactor).is_some());
        reactors.push(Arc::clone(&reactor));
        let (port, address) = (u32::from(address.port()), address.ip().to_string());
        Ok(NativeServer {
            reactor,
            loops,
            memory,
            address,
            port,
        })
    }

    /// Keeps the process alive.
    #[napi(catch_unwind)]
    pub fn hold(&self, env: Env) -> Result<()> {
        self.doorbell.hold(env)
    }

    /// Does not keep the process alive any longer.
    #[napi(catch_unwind)]
    pub fn let_go(&self, env: Env) -> Result<()> {
        self.doorbell.let_go(env)
    }

    fn bridges(
        &self,
        env: &Env,
        options: &NativeOptions,
        memory: &[Unknown<'_>],
    ) -> Result<Vec<LoopBridge>> {
        let bridges = memory.iter().map(|value| {
            let (base, len) = view(env, value)?;
            let (queue_bytes, slots) = (
                options.queue_bytes as usize,
                options.max_connections as usize,
            );
            // SAFETY: `start` makes a reference that keeps the memory until `join`, or the environment's cleanup hook, has
            // ended the loops; JavaScript accesses it by the rules of `memory`.
            let memory = unsafe { Memory::new(base, len, queue_bytes, slots) };
            let memory =
                memory.ok_or_else(|| Error::from_reason("Bug: memory does not fit its layout"))?;
            // SAFETY: JavaScript makes new memory for each loop, so this is its only bridge.
            Ok(unsafe { LoopBridge::new(memory, Arc::clone(&self.doorbell)) })
        });
        bridges.collect()
    }
}

#[napi]
impl NativeServer {
    /// The IP address that the server listens on.
    #[napi(getter)]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port that the server listens on.
    #[napi(getter)]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Ends the sleep of a loop.
    #[napi(catch_unwind)]
    pub fn wake(&self, event_loop: u32) {
        if let Some(event_loop) = self.loops.get(event_loop as usize) {
            event_loop.wake();
        }
    }

    /// Connections that were closed as soon as they were accepted.
    #[napi]
    pub fn refused(&self) -> f64 {
        lock(&self.reactor)
            .as_ref()
            .map_or(0.0, |reactor| reactor.refused() as f64)
    }

    /// Waits for the threads of all loops, which have said that they end, and lets their memory go.
    #[napi(catch_unwind)]
    pub fn join(&mut self, env: Env) -> Result<()> {
        drop(lock(&self.reactor).take());
        // Their descriptors need not wait for the garbage collector.
        self.loops.clear();
        for reference in self.memory.drain(..) {
            // SAFETY: made in this environment, on this thread, and deleted once.
            check_status!(unsafe { sys::napi_delete_reference(env.raw(), reference) })?;
        }
        Ok(())
    }
}

/// The bytes of a typed array. Their address never changes as long as the buffer behind is not detached.
fn view(env: &Env, value: &Unknown<'_>) -> Result<(*mut u8, usize)> {
    let (mut kind, mut len, mut data) = (0, 0, ptr::null_mut());
    // SAFETY: live values of this call; a value that is no typed array gives an error status.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env.raw(),
            value.raw(),
            &raw mut kind,
            &raw mut len,
            &raw mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check_status!(status)?;
    if kind != sys::TypedarrayType::uint8_array {
        return Err(Error::from_reason("Bug: not a Uint8Array"));
    }
    Ok((data.cast(), len))
}

fn reference(env: &Env, value: &Unknown<'_>) -> Result<sys::napi_ref> {
    let mut reference = ptr::null_mut();
    // SAFETY: live values of this call.
    check_status!(unsafe {
        sys::napi_create_reference(env.raw(), value.raw(), 1, &raw mut reference)
    })?;
    Ok(reference)
}

/// A panic elsewhere leaves nothing half done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
