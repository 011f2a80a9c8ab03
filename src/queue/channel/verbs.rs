//! The verbs that the handles of channels have in common.

/// Gives a handle with `frames` the verbs of sending messages of type `$message`. `$ends`: whether it learns that nobody is left to receive.
macro_rules! sending {
    ($message:ident, $ends:expr) => {
        fn put(
            &self,
            message: $message,
            patience: Patience,
        ) -> Result<(), crate::queue::error::Unsent<$message>> {
            self.frames().send_message(message, $ends, patience)
        }

        /// Sends a message.
        ///
        /// Blocks until there is room for it.
        ///
        /// # Errors
        /// [`SendError`] with the message, which was not sent.
        #[doc(alias = "put")]
        pub fn send(&self, message: $message) -> Result<(), SendError<$message>> {
            Ok(self.put(message, Patience::FOREVER)?)
        }

        /// Sends a message if there is room for it.
        ///
        /// Does not block, but for a millisecond at most if somebody was stopped in the middle of sending.
        ///
        /// # Errors
        /// [`TrySendError`] with the message, which was not sent.
        #[doc(alias = "put_nowait")]
        pub fn try_send(&self, message: $message) -> Result<(), TrySendError<$message>> {
            Ok(self.put(message, Patience::None)?)
        }

        /// Sends a message, waiting for room for `timeout` at most. The clock is monotonic.
        ///
        /// # Errors
        /// [`TimedSendError`] with the message, which was not sent.
        pub fn send_timeout(
            &self,
            message: $message,
            timeout: Duration,
        ) -> Result<(), TimedSendError<$message>> {
            Ok(self.put(message, Patience::timeout(timeout))?)
        }

        /// Sends a message, waiting for room until `deadline` at most.
        ///
        /// # Errors
        /// [`TimedSendError`] with the message, which was not sent.
        pub fn send_until(
            &self,
            message: $message,
            deadline: Instant,
        ) -> Result<(), TimedSendError<$message>> {
            Ok(self.put(message, Patience::until(deadline))?)
        }
    };
}
pub(super) use sending;

/// Gives a handle with `frames` the verbs of receiving messages of type `$message`. `$ends`: whether it learns that nobody is left to send.
macro_rules! receiving {
    ($message:ident, $ends:expr) => {
        pub(in crate::queue) fn take(
            &self,
            patience: Patience,
        ) -> Result<$message, crate::queue::error::NotReceived> {
            self.frames().receive_message($ends, patience)
        }

        /// Receives the next message.
        ///
        /// Blocks until there is one.
        ///
        /// # Errors
        /// [`RecvError`]. After [`RecvError::Undecodable`] there may be others.
        #[doc(alias = "get")]
        pub fn recv(&self) -> Result<$message, RecvError> {
            Ok(self.take(Patience::FOREVER)?)
        }

        /// Receives the next message if there is one.
        ///
        /// Does not block, but for a millisecond at most if somebody was stopped in the middle of receiving.
        ///
        /// # Errors
        /// [`TryRecvError`].
        #[doc(alias = "get_nowait")]
        pub fn try_recv(&self) -> Result<$message, TryRecvError> {
            Ok(self.take(Patience::None)?)
        }

        /// Receives the next message, waiting for `timeout` at most. The clock is monotonic.
        ///
        /// # Errors
        /// [`TimedRecvError`].
        pub fn recv_timeout(&self, timeout: Duration) -> Result<$message, TimedRecvError> {
            Ok(self.take(Patience::timeout(timeout))?)
        }

        /// Receives the next message, waiting until `deadline` at most.
        ///
        /// # Errors
        /// [`TimedRecvError`].
        pub fn recv_until(&self, deadline: Instant) -> Result<$message, TimedRecvError> {
            Ok(self.take(Patience::until(deadline))?)
        }

        /// Receives the next message and lets `read` look at its bytes where they lie: a large one is not copied.
        ///
        /// Blocks until there is one. Others receive and send while `read` runs. The bytes are freed when it returns.
        ///
        /// # Errors
        /// [`RecvError`]; `read` was not called then.
        ///
        /// # Examples
        /// ```
        /// use procshare::{Channel, Process};
        ///
        /// let (sender, receiver) = Channel::<Vec<u8>>::bounded(1 << 20)?.split();
        /// let child = Process::spawn(move || sender.send_bytes(&[7; 500_000]).unwrap())?;
        /// let sum = receiver.recv_with(|bytes| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>())?;
        /// assert_eq!(sum, 3_500_000);
        /// child.join()?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[doc(alias = "recv_bytes")]
        pub fn recv_with<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<R, RecvError>
        where
            $message: super::Bytes,
        {
            Ok(self.frames().receive_bytes($ends, Patience::FOREVER, read)?)
        }

        /// As [`recv_with`](Self::recv_with), waiting for `timeout` at most. The clock is monotonic.
        ///
        /// # Errors
        /// [`TimedRecvError`]; `read` was not called then.
        pub fn recv_with_timeout<R>(
            &self,
            timeout: Duration,
            read: impl FnOnce(&[u8]) -> R,
        ) -> Result<R, TimedRecvError>
        where
            $message: super::Bytes,
        {
            Ok(self.frames().receive_bytes($ends, Patience::timeout(timeout), read)?)
        }
    };
}
pub(super) use receiving;

/// Gives a handle with `frames` what can be asked of a channel.
macro_rules! looking {
    () => {
        pub(in crate::queue) fn conduit(&self) -> &crate::queue::conduit::Conduit {
            self.frames().conduit()
        }

        /// Returns whether no message is there. Never blocks. True for a moment.
        #[doc(alias = "empty")]
        pub fn is_empty(&self) -> bool {
            self.frames().conduit().len() == 0
        }

        /// Returns how many bytes a single message may have; `None`: as many as there is memory for. Never changes.
        pub fn capacity(&self) -> Option<usize> {
            Some(self.frames().most()).filter(|most| *most != usize::MAX)
        }

        /// Returns whether the channel was closed. Never blocks; an open one may be closed at once.
        pub fn is_closed(&self) -> bool {
            self.frames().conduit().fifo().is_closed()
        }

        /// Returns how many messages with a block of their own were gone when their turn came: somebody who had just taken them was
        /// killed before that could be seen. Never blocks.
        ///
        /// Not counted is what was in the hands of one who was killed later.
        pub fn lost(&self) -> u64 {
            self.frames().lost()
        }
    };
}
pub(super) use looking;
