"""`genrelens listen`: the genre of what a microphone hears, of a pipe, or of a radio station, as it plays."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from genrelens.cli.options import Cores, ModelName

if TYPE_CHECKING:
    from genrelens.audio.streams import RawFormat, SampleChunks
    from genrelens.live import LiveClassifier, LivePrediction

_PIPE = "-"
_RADIO = ("http://", "https://")


def listen(
    source: Annotated[
        str | None,
        typer.Argument(help="'-' for a pipe, or the http address of a radio stream; the microphone if not given."),
    ] = None,
    model: ModelName = "lens",
    raw: Annotated[
        Literal["f32le", "s16le"] | None,
        typer.Option(help="The pipe brings bare samples, interleaved, in this encoding; --rate tells theirs."),
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Of raw samples, in Hz.")] = None,
    channels: Annotated[int, typer.Option(min=1, help="Of raw samples.")] = 1,
    device: Annotated[
        str | None, typer.Option(help="A microphone's number or a part of its name; see `python -m sounddevice`.")
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Tell 'unknown' while no genre is as probable, 0 to 1.")
    ] = 0.0,
    top: Annotated[int, typer.Option(min=1, help="How many genres to tell.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, two for each second.")] = False,
    threads: Cores = 1,
) -> None:
    """Tell the genre of what is playing, twice a second, until it ends or Ctrl-C."""
    _check(source, raw, rate)
    with contextlib.suppress(KeyboardInterrupt):
        from genrelens.audio.streams import RawFormat
        from genrelens.classifier import Classifier
        from genrelens.cli.live_display import clock, shown
        from genrelens.errors import UndecodableAudioError
        from genrelens.live import LiveClassifier

        classifier = Classifier(model, threads=threads, min_confidence=min_confidence)
        listener = LiveClassifier(classifier, _name(source))
        last: LivePrediction | None = None
        with contextlib.ExitStack() as stack:
            show = stack.enter_context(shown(classifier.card.labels, top, json=json))
            how = RawFormat(raw, rate, channels) if raw and rate else None
            pieces = stack.enter_context(_pieces(source, how, device, listener))
            for last in _answers(listener, pieces):
                show(last)
        if last is None:
            raise UndecodableAudioError.empty(_name(source))
        typer.echo(f"genrelens: {_name(source)} ended after {clock(last.at)}", err=True)


def _check(source: str | None, raw: str | None, rate: int | None) -> None:
    if source not in (None, _PIPE) and not str(source).startswith(_RADIO):
        raise typer.BadParameter(f"{source!r} is neither '-' nor an http address; for files, `genrelens predict`")
    if raw and source != _PIPE:
        raise typer.BadParameter("only a pipe ('-') brings raw samples", param_hint="--raw")
    if (raw is None) != (rate is None):
        raise typer.BadParameter("raw samples need --raw and --rate", param_hint="--raw")
    if source == _PIPE and sys.stdin.isatty():
        raise typer.BadParameter("nothing is piped here; try `ffmpeg -i song.mp3 -f wav - | genrelens listen -`")


def _name(source: str | None) -> str:
    return "the microphone" if source is None else "the pipe" if source == _PIPE else source


@contextlib.contextmanager
def _pieces(source: str | None, how: "RawFormat | None", device: str | None, listener: "Listener") -> "Iterator[SampleChunks]":
    from genrelens.audio import streams
    from genrelens.cli.microphone import microphone

    pipe = cast("streams.Arriving", sys.stdin.buffer)
    if source is None:
        yield microphone(device, listener.miss)
    elif how:
        yield streams.decode_raw(pipe, how)
    elif source == _PIPE:
        yield streams.decode_stream(pipe, _name(source))
    else:
        with streams.open_url(source) as station:
            yield streams.decode_stream(station, _name(source))


def _answers(listener: "Listener", pieces: "Pieces") -> "Iterator[LivePrediction]":
    for rate, samples in pieces:
        yield from listener.process(samples, rate)
    yield from listener.finish()
