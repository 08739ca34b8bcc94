//! An answer as bytes on a connection: whole, cut short, dripping, or without end.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// How the body reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// So many bytes, then the connection is closed.
    Cut(usize),
    /// One byte a second, for ever.
    Drip,
    /// The body, then blanks for ever.
    Endless,
}

/// Time for what was written to leave before the connection is closed.
const BEFORE_CUT: Duration = Duration::from_millis(50);
const BETWEEN_DRIPS: Duration = Duration::from_secs(1);
static BLANKS: [u8; 64 * 1024] = [b' '; 64 * 1024];

pub(crate) struct Reply {
    body: Option<Bytes>,
    delivery: Delivery,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Reply {
    pub fn new(body: Bytes, delivery: Delivery) -> Self {
        let body = match delivery {
            Delivery::Cut(keep) => body.slice(..keep.min(body.len())),
            Delivery::Whole | Delivery::Drip | Delivery::Endless => body,
        };
        Self { body: Some(body).filter(|body| !body.is_empty()), delivery, pause: None }
    }

    /// Answers once the time has passed.
    fn wait(&mut self, time: Duration, context: &mut Context<'_>) -> Poll<()> {
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        let waited = pause.as_mut().poll(context);
        if waited.is_ready() {
            self.pause = None;
        }
        waited
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.delivery == Delivery::Drip {
            return self.wait(BETWEEN_DRIPS, context).map(|()| Some(Ok(Frame::data(Bytes::from_static(b" ")))));
        }
        if let Some(body) = self.body.take() {
            return Poll::Ready(Some(Ok(Frame::data(body))));
        }
        if self.delivery == Delivery::Endless {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLANKS)))));
        }
        if let Delivery::Cut(_) = self.delivery {
            let cut = || Some(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut short on purpose")));
            return self.wait(BEFORE_CUT, context).map(|()| cut());
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.delivery == Delivery::Whole && self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.delivery {
            Delivery::Whole => SizeHint::with_exact(self.body.as_ref().map_or(0, |body| body.len() as u64)),
            Delivery::Cut(_) | Delivery::Drip | Delivery::Endless => SizeHint::default(),
        }
    }
}
