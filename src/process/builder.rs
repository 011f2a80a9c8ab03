//! Processes with a name, and other wishes.

use super::child::Manner;
use super::failure::{SpawnError, SpawnWithError};
use super::handle::{Process, ScopedProcess};
use super::scope::Scope;
use super::spawn::{NotSpawned, spawn};
use crate::message::Message;
use crate::message::parcel::{self, PackError};
use crate::segment::container::{Container, Delivery};
use crate::segment::member;

/// Says how a process is to be spawned: [`std::thread::Builder`]'s twin.
///
/// # Examples
/// ```
/// let child = procshare::Builder::new().name("resample-1").spawn(|| 1u64)?;
/// assert_eq!(child.name(), "resample-1");
/// assert_eq!(child.join()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    name: Option<String>,
    manner: Manner,
}

impl Builder {
    /// Begins with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the process: in errors, in the output of a panic, and (the first 15 bytes) in `ps`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Lets the process read the standard input of its parent, instead of an empty one.
    pub fn inherit_stdin(mut self, yes: bool) -> Self {
        self.manner.inherit_stdin = yes;
        self
    }

    /// Lets the process keep the parent's handlers of `SIGINT`, `SIGTERM` and `SIGHUP`, instead of being ended by these
    /// signals.
    pub fn keep_signals(mut self, yes: bool) -> Self {
        self.manner.keep_signals = yes;
        self
    }

    /// Spawns a process as [`Process::spawn`].
    ///
    /// # Errors
    /// As [`Process::spawn`].
    pub fn spawn<F, R>(self, body: F) -> Result<Process<R>, SpawnError>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Message,
    {
        spawn_static(self, body, None).map_err(|(error, _)| error)
    }

    /// Spawns a process as [`Process::spawn_with`].
    ///
    /// # Errors
    /// As [`Process::spawn_with`].
    ///
    /// # Panics
    /// Never here. The child panics if the argument can not be read, as [`Failure::Panicked`](crate::Failure::Panicked) tells.
    pub fn spawn_with<A, F, R>(self, arg: A, body: F) -> Result<Process<R>, SpawnWithError<A>>
    where
        A: Message + 'static,
        F: FnOnce(A) -> R + Send + 'static,
        R: Message,
    {
        // The process takes part before it can send.
        let seat = match member::join() {
            Ok((_, seat)) => seat,
            Err(error) => return Err(SpawnWithError { error: error.into(), arg: Some(arg) }),
        };
        let container = match parcel::pack(arg) {
            Ok(container) => Box::new(container),
            Err(PackError::Refused { error, message }) => {
                return Err(SpawnWithError { error: error.into(), arg: message });
            }
            Err(PackError::Mismeasured(_)) => {
                return Err(SpawnWithError { error: SpawnError::Mismeasured, arg: None });
            }
        };
        let unit = container.unit();
        let body = move || {
            let arg = Delivery::adopt(unit, seat, false).map(parcel::unpack::<A>);
            match arg {
                Ok(Ok(arg)) => body(arg),
                Ok(Err(error)) => panic!("the argument can not be read: {error}"),
                Err(_) => panic!("the argument can not be read: its container is damaged"),
            }
        };
        spawn_static(self, body, Some(container)).map_err(|(error, container)| SpawnWithError {
            error,
            arg: container.and_then(|container| parcel::take_back(&container)),
        })
    }

    /// Spawns a process in a scope, as [`Scope::spawn`].
    ///
    /// # Errors
    /// As [`Scope::spawn`].
    pub fn spawn_scoped<'scope, F, R>(
        self,
        scope: &'scope Scope<'scope, '_>,
        body: F,
    ) -> Result<ScopedProcess<'scope, R>, SpawnError>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Message + 'scope,
    {
        scope.spawn_with_manner(self.name, self.manner, body)
    }
}

#[allow(unsafe_code)] // the one place that needs no scope
fn spawn_static<F, R>(
    builder: Builder,
    body: F,
    argument: Option<Box<Container>>,
) -> Result<Process<R>, NotSpawned>
where
    F: FnOnce() -> R + Send + 'static,
    R: Message,
{
    // SAFETY: the body is `'static`: it stays valid whatever anybody waits for.
    unsafe { spawn(builder.name, builder.manner, body, argument) }.map(Process::new)
}
