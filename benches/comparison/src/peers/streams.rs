//! What the kernel offers: pipes and Unix sockets, both as a stream of bytes.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use crate::queues::payload::{Bytes, Seen, Words};
use crate::queues::roles::{Lane, Rx, Tx};
use crate::support::by_hand::large_pipe;

/// Two descriptors: what is written to the one is read from the other.
#[derive(Debug)]
pub(crate) struct Stream<P> {
    receive: File,
    send: File,
    payload: PhantomData<fn() -> P>,
}

impl<P> Stream<P> {
    fn of(receive: impl Into<OwnedFd>, send: impl Into<OwnedFd>) -> Self {
        Self { receive: receive.into().into(), send: send.into().into(), payload: PhantomData }
    }

    /// `pipe(2)`, as the system makes it.
    pub(crate) fn pipe() -> Self {
        let (receive, send) = std::io::pipe().expect("a pipe");
        Self::of(receive, send)
    }

    /// The same with room for 1 MiB, where the system allows that.
    pub(crate) fn large_pipe() -> Self {
        let (receive, send) = large_pipe();
        Self::of(receive, send)
    }

    /// A pair of Unix sockets.
    pub(crate) fn socket() -> Self {
        let (receive, send) = UnixStream::pair().expect("sockets");
        Self::of(receive, send)
    }
}

/// Items of a size that both sides know.
#[derive(Debug)]
pub(crate) struct Fixed<T> {
    file: File,
    item: Box<T>,
}

impl<P: Words> Lane for Stream<P> {
    type Tx = Fixed<P::Item>;
    type Rx = Fixed<P::Item>;

    fn tx(&self) -> Self::Tx {
        Fixed { file: self.send.try_clone().expect("a descriptor"), item: bytemuck::zeroed_box() }
    }

    fn rx(&self) -> Self::Rx {
        Fixed { file: self.receive.try_clone().expect("a descriptor"), item: bytemuck::zeroed_box() }
    }
}

/// Several may send what the kernel takes at once: up to 4 KiB.
impl<P: Words> Tx<P> for Fixed<P::Item> {
    fn send(&mut self, seed: u64) {
        P::write(&mut self.item, seed);
        self.file.write_all(bytemuck::bytes_of(&*self.item)).expect("somebody reads");
    }
}

impl<P: Words> Rx<P> for Fixed<P::Item> {
    fn recv(&mut self) -> Seen {
        self.file.read_exact(bytemuck::bytes_of_mut(&mut *self.item)).expect("somebody writes");
        P::read(&self.item)
    }
}

/// The same with items that begin with their length.
#[derive(Debug)]
pub(crate) struct Measured<P>(pub(crate) Stream<P>);

/// Length and bytes in one write.
#[derive(Debug)]
pub(crate) struct Writer {
    file: File,
    buffer: Vec<u8>,
}

/// As many items as there are with one read.
#[derive(Debug)]
pub(crate) struct Reader {
    file: BufReader<File>,
    buffer: Vec<u8>,
}

impl<P> Lane for Measured<P> {
    type Tx = Writer;
    type Rx = Reader;

    fn tx(&self) -> Writer {
        Writer { file: self.0.send.try_clone().expect("a descriptor"), buffer: Vec::new() }
    }

    fn rx(&self) -> Reader {
        let file = self.0.receive.try_clone().expect("a descriptor");
        Reader { file: BufReader::with_capacity(1 << 16, file), buffer: Vec::new() }
    }
}

impl<P: Bytes> Tx<P> for Writer {
    fn send(&mut self, seed: u64) {
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0; 4]);
        P::append(&mut self.buffer, seed);
        let length = u32::try_from(self.buffer.len() - 4).expect("it is short");
        self.buffer[..4].copy_from_slice(&length.to_ne_bytes());
        self.file.write_all(&self.buffer).expect("somebody reads");
    }
}

impl<P: Bytes> Rx<P> for Reader {
    fn recv(&mut self) -> Seen {
        let mut length = [0; 4];
        self.file.read_exact(&mut length).expect("somebody writes");
        self.buffer.resize(u32::from_ne_bytes(length) as usize, 0);
        self.file.read_exact(&mut self.buffer).expect("somebody writes");
        P::parse(&self.buffer)
    }
}
