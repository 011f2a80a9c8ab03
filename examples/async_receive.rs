//! Receives from worker processes in an async runtime: while nothing comes, the runtime does other things.
//!
//! ```sh
//! cargo run --example async_receive
//! ```
//!
//! A queue has no descriptor. [`Readiness`] makes one for a receiver, on demand: tokio waits for it by epoll, as it does for
//! sockets.

use std::error::Error;
use std::time::Duration;

use procshare::queue::{Readiness, Receiver, TryRecvError};
use procshare::{Plain, Process, Queue};
use tokio::io::unix::AsyncFd;

/// A receiver whose `recv` is awaited. `None`: nothing will come any more.
struct AsyncReceiver<T: Plain> {
    receiver: Receiver<T>,
    readiness: AsyncFd<Readiness>,
}

impl<T: Plain> AsyncReceiver<T> {
    /// Must be called in a tokio runtime.
    #[allow(unsafe_code)] // tokio asks for a promise about the descriptor
    fn new(receiver: Receiver<T>) -> Result<Self, Box<dyn Error>> {
        let readiness = Readiness::of(&receiver)?;
        // SAFETY: a `Readiness` has one descriptor, open as long as it lives, and gives out no other.
        let readiness = unsafe { AsyncFd::register(readiness) }?;
        Ok(Self { receiver, readiness })
    }

    async fn recv(&mut self) -> Result<Option<T>, Box<dyn Error>> {
        loop {
            let mut ready = self.readiness.readable().await?;
            match self.receiver.try_recv() {
                Ok(value) => return Ok(Some(value)),
                Err(TryRecvError::Empty) => {
                    // In this order: what comes after `rearm` is an event that `clear_ready` does not forget.
                    self.readiness.get_ref().rearm();
                    ready.clear_ready();
                }
                Err(TryRecvError::Disconnected | TryRecvError::Closed) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // The children first: a fork copies only the thread that forks, so a runtime is best made afterwards.
    let (sender, receiver) = Queue::bounded(16)?.split();
    let workers = (0..3_u32)
        .map(|worker| {
            let sender = sender.clone();
            Process::spawn(move || {
                for step in 0..5 {
                    std::thread::sleep(Duration::from_millis(20));
                    sender
                        .send((worker * 100 + step) as f64)
                        .expect("the parent receives until the last of us is done");
                }
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    drop(sender);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (received, ticks) = runtime.block_on(async {
        let mut ticks = 0;
        let ticking = async {
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                ticks += 1;
            }
        };
        let receiving = async {
            let mut receiver = AsyncReceiver::new(receiver)?;
            let mut received = 0;
            while let Some(value) = receiver.recv().await? {
                println!("received {value}");
                received += 1;
            }
            Ok::<_, Box<dyn Error>>(received)
        };
        let received = race(receiving, ticking).await?;
        Ok::<_, Box<dyn Error>>((received, ticks))
    })?;
    println!("{received} values; meanwhile the runtime ticked {ticks} times");
    workers.into_iter().try_for_each(|worker| worker.join())?;
    Ok(())
}

/// Runs both until the first is done.
async fn race<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> T {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    std::future::poll_fn(|context| {
        let _ = second.as_mut().poll(context);
        first.as_mut().poll(context)
    })
    .await
}
