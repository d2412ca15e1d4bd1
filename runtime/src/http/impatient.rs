//! A connection that does not wait for ever for its client to read: the client has to take the
//! sent bytes within a deadline, which grows with the bytes that it has taken.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How long a client may read nothing of its answer.
pub(super) const UNREAD_MAX: Duration = Duration::from_secs(10);

/// The lowest rate at which a client may read, in bytes per second: a few bytes now and then do not
/// count as progress.
const BYTES_PER_SECOND_MIN: u64 = 8 * 1024;

/// A stream whose writes fail when the other side does not read.
#[derive(Debug)]
pub(super) struct Impatient<S> {
    stream: S,
    unread: Option<Unread>,
}

/// Since when sent bytes have been waiting for the client, and how many bytes it has taken since.
#[derive(Debug)]
struct Unread {
    since: Instant,
    taken: u64,
    alarm: Pin<Box<Sleep>>,
}

impl Unread {
    fn begin() -> Self {
        let since = Instant::now();
        Self { since, taken: 0, alarm: Box::pin(sleep_until(since + UNREAD_MAX)) }
    }

    fn deadline(&self) -> Instant {
        let earned = Duration::from_secs(self.taken / BYTES_PER_SECOND_MIN);
        self.since + UNREAD_MAX + earned
    }
}

impl<S> Impatient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, unread: None }
    }

    /// Checks the deadline whenever the other side takes nothing.
    fn judge<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        taken: impl FnOnce(&T) -> usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Ok(value)) => {
                if let Some(unread) = &mut self.unread {
                    unread.taken += u64::try_from(taken(&value)).unwrap_or(0);
                }
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let unread = self.unread.get_or_insert_with(Unread::begin);
                let deadline = unread.deadline();
                if unread.alarm.deadline() != deadline {
                    unread.alarm.as_mut().reset(deadline);
                }
                match unread.alarm.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the client does not read its answers",
                    ))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(written, |taken| *taken, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(written, |taken| *taken, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The server flushes when it has nothing left to send.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.unread = None;
        }
        self.judge(flushed, |()| 0, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(shut, |()| 0, context)
    }
}

#[cfg(test)]
mod tests {
    //! These tests use a clock that only moves while all tasks wait.

    use std::future::poll_fn;

    use tokio::{io::duplex, time::sleep};

    use super::*;

    async fn write(
        stream: &mut Impatient<tokio::io::DuplexStream>,
        bytes: &[u8],
    ) -> io::Result<usize> {
        poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes)).await
    }

    async fn flush(stream: &mut Impatient<tokio::io::DuplexStream>) -> io::Result<()> {
        poll_fn(|context| Pin::new(&mut *stream).poll_flush(context)).await
    }

    async fn read(stream: &mut tokio::io::DuplexStream, bytes: usize) {
        let mut space = vec![0; bytes];
        let mut buffer = ReadBuf::new(&mut space);
        while buffer.remaining() > 0 {
            poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer))
                .await
                .unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_reads_ends_the_connection() {
        let (ours, _theirs) = duplex(1_000);
        let mut ours = Impatient::new(ours);
        assert_eq!(write(&mut ours, &[0; 5_000]).await.unwrap(), 1_000);
        let begun = Instant::now();
        let error = write(&mut ours, &[0; 4_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), UNREAD_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_drop_now_and_then_does_not_help_and_time_without_an_answer_does_not_count() {
        let (ours, mut theirs) = duplex(100_000);
        let mut ours = Impatient::new(ours);
        let mut sent = 0;
        // An idle hour, as of a stream of events.
        for _ in 0..3 {
            assert_eq!(write(&mut ours, &[0; 100_000]).await.unwrap(), 100_000);
            read(&mut theirs, 100_000).await;
            flush(&mut ours).await.unwrap();
            sleep(Duration::from_secs(3_600)).await;
        }
        let dripping = tokio::spawn(async move {
            loop {
                read(&mut theirs, 1_000).await;
                sleep(Duration::from_secs(1)).await;
            }
        });
        let begun = Instant::now();
        let error = loop {
            match write(&mut ours, &[0; 100_000]).await {
                Ok(taken) => sent += taken,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < UNREAD_MAX * 2, "{:?}, {sent} bytes", begun.elapsed());
        dripping.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_but_steadily_gets_everything() {
        let (ours, mut theirs) = duplex(10_000);
        let mut ours = Impatient::new(ours);
        let reading = tokio::spawn(async move {
            for _ in 0..100 {
                read(&mut theirs, 10_000).await;
                sleep(Duration::from_secs(1)).await;
            }
        });
        let mut left = 1_000_000;
        while left > 0 {
            left -= write(&mut ours, &vec![0; left]).await.unwrap();
        }
        flush(&mut ours).await.unwrap();
        reading.await.unwrap();
    }
}
