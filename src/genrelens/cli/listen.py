"""`genrelens listen`: live genre recognition from a microphone, a pipe or a radio stream."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from genrelens.cli.options import ModelName

if TYPE_CHECKING:
    from genrelens.audio.streams import RawFormat, SampleChunks
    from genrelens.live import LiveClassifier, LivePrediction

_PIPE = "-"
_URLS = ("http://", "https://")


def listen(
    source: Annotated[
        str | None,
        typer.Argument(help="'-' for a pipe, or the http(s) URL of a radio stream. Default: the microphone."),
    ] = None,
    model: ModelName = "lens",
    raw: Annotated[
        Literal["f32le", "s16le"] | None,
        typer.Option(help="The pipe carries raw interleaved samples in this encoding; needs --rate."),
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Sampling rate of raw samples, in Hz.")] = None,
    channels: Annotated[int, typer.Option(min=1, help="Number of channels of raw samples.")] = 1,
    device: Annotated[
        str | None, typer.Option(help="Index of the input device, or part of its name; see `python -m sounddevice`.")
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Report 'unknown' below this confidence, 0 to 1.")
    ] = 0.0,
    top: Annotated[int, typer.Option(min=1, help="Number of genres to report.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line, two per second.")] = False,
    threads: Annotated[int, typer.Option("--threads", "-t", min=1, help="Threads of the model.")] = 1,
) -> None:
    """Recognise the genre of live audio twice a second, until it ends or Ctrl-C is pressed."""
    _check(source, raw, rate)
    with contextlib.suppress(KeyboardInterrupt):
        from genrelens.audio.streams import RawFormat
        from genrelens.classifier import Classifier
        from genrelens.cli.live_display import clock, live_output
        from genrelens.errors import UndecodableAudioError
        from genrelens.live import LiveClassifier

        classifier = Classifier(model, threads=threads, min_confidence=min_confidence)
        live = LiveClassifier(classifier, _name(source))
        last: LivePrediction | None = None
        with contextlib.ExitStack() as stack:
            show = stack.enter_context(live_output(classifier.card.labels, top, json=json))
            raw_format = RawFormat(raw, rate, channels) if raw and rate else None
            chunks = stack.enter_context(_open_source(source, raw_format, device, live))
            for last in _predictions(live, chunks):
                show(last)
        if last is None:
            raise UndecodableAudioError.empty(_name(source))
        typer.echo(f"genrelens: {_name(source)} ended after {clock(last.at)}", err=True)


def _check(source: str | None, raw: str | None, rate: int | None) -> None:
    if source not in (None, _PIPE) and not str(source).startswith(_URLS):
        raise typer.BadParameter(f"{source!r} is neither '-' nor an http(s) URL; for files, use `genrelens predict`")
    if raw and source != _PIPE:
        raise typer.BadParameter("--raw requires the source '-'", param_hint="--raw")
    if (raw is None) != (rate is None):
        raise typer.BadParameter("raw samples need --raw and --rate", param_hint="--raw")
    if source == _PIPE and sys.stdin.isatty():
        raise typer.BadParameter("stdin is not a pipe; try `ffmpeg -i song.mp3 -f wav - | genrelens listen -`")


def _name(source: str | None) -> str:
    return "the microphone" if source is None else "the pipe" if source == _PIPE else source


@contextlib.contextmanager
def _open_source(
    source: str | None, raw_format: "RawFormat | None", device: str | None, live: "LiveClassifier"
) -> "Iterator[SampleChunks]":
    from genrelens.audio import streams
    from genrelens.cli.microphone import microphone

    pipe = cast("streams.ByteStream", sys.stdin.buffer)
    if source is None:
        yield microphone(device, live.report_missed)
    elif raw_format:
        yield streams.decode_raw(pipe, raw_format)
    elif source == _PIPE:
        yield streams.decode_stream(pipe, _name(source))
    else:
        with streams.open_url(source) as station:
            yield streams.decode_stream(station, _name(source))


def _predictions(live: "LiveClassifier", chunks: "SampleChunks") -> "Iterator[LivePrediction]":
    for rate, samples in chunks:
        yield from live.process(samples, rate)
    yield from live.finish()
