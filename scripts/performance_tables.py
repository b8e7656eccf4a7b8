"""Markdown about speed, memory and scale, for cog blocks."""

from collections.abc import Mapping
from typing import Any

from results import figure_table, provenance, read_results, table

from genrelens.library.albums.consensus import MIN_AGREEMENT

TRACKS = 1_000_000  # of a large library
CLUSTERS = (16, 64, 256)  # cores


def speed() -> str:
    """Return the speed and memory of `genrelens predict`."""
    content = read_results("speed")
    return f"{figure_table(content['figures'])}\n\n{provenance(content)}."


def library_speed() -> str:
    """Return the speed of scanning and classifying a library."""
    content = read_results("library")
    return (
        f"{figure_table(content['figures'])}\n\nTracks are 4-minute mp3s, three windows of each. {provenance(content)}."
    )


def albums() -> str:
    """Return a sentence on the accuracy of album genres."""
    content = read_results("albums")
    size = min(row["tracks"] for row in content["shares"])
    (row,) = (row for row in content["shares"] if (row["tracks"], row["share"]) == (size, MIN_AGREEMENT))
    return (
        f"For albums made of {size:.0f} recordings of one artist, this raised the share of correct tracks from "
        f"{100 * row['alone']:.0f} % to {100 * row['tracks right']:.0f} % (`benchmarks/albums.py`, on *valid*; "
        f"{provenance(content)})."
    )


def similar_tracks() -> str:
    """Return a paragraph on the index of embeddings, the genres of neighbours and smooth playlists."""
    content = read_results("similar")
    figures = content["figures"]
    (vectors,) = (name.removesuffix(", vectors") for name in figures if name.endswith("synthetic, vectors"))
    return (
        f"Among {vectors} vectors of 256 channels, the index finds "
        f"{100 * figures[f'{vectors}, recall@10 of the index']:.1f} % of the ten nearest in "
        f"{figures[f'{vectors}, index (ms per query)']:.1f} ms; the exact search takes "
        f"{figures[f'{vectors}, exact (ms per query)']:.0f} ms. Building the index takes "
        f"{figures[f'{vectors}, building the index (s)']:.0f} s; it has {figures[f'{vectors}, index (MB)']:.0f} MB. "
        f"On recordings of GTZAN, {100 * figures['GTZAN, raw: the same, tracks of valid']:.0f} % of the ten nearest "
        "tracks by other artists have the genre of the track (*valid*). The cosine distance of neighbours in playlists "
        f"of 15 tracks is {figures['playlists of 15: distance of neighbours, smooth']:.2f} with `--smooth` and "
        f"{figures['playlists of 15: distance of neighbours, as drawn']:.2f} without. {provenance(content)}."
    )


def collection() -> str:
    """Return a summary of the end-to-end test on a collection of files."""
    content = read_results("collection")
    formats = ", ".join(f"{count} {name}" for name, count in content["formats"].items())
    status, tagged = content["status"], content["read back"]
    killed = " and ".join(map(str, content["killed after"]))
    return (
        f"{content['files']:,} files made from recordings of GTZAN ({formats}), {content['tagged']} of them with two "
        f"genres of their own and {content['broken']} broken, were processed with the command line:\n\n"
        f"- Scanned in {content['scan (s)']:.1f} s.\n"
        f"- Classified, in three runs, of which two were killed (`kill -9`) with {killed} results stored; in the end "
        f"{status['judged']:,} tracks had a prediction and {status['failed']} a failure with its reason.\n"
        f"- Tagged with `--existing append` in {content['tag (s)']:.0f} s: {tagged['written']:,} files. Mutagen and "
        f"ffprobe find the expected genres, and all earlier genres and comments, in all but {len(tagged['wrong'])}.\n"
        f"- Undone in {content['undo (s)']:.0f} s: {len(content['changed after undo'])} files differ from the "
        f"original, and {len(content['left behind'])} additional files are left.\n\n{provenance(content)}."
    )


def load() -> str:
    """Return the response times and memory of a busy server."""
    content = read_results("load")
    rows = (
        (
            *(load["case"]["name"], f"{load['per_second']:.1f}", f"{load['p50']:.0f} ms", f"{load['p95']:.0f} ms"),
            *(f"{load[phase]['group']:.0f} MB" for phase in ("idle", "busy")),
        )
        for load in content["loads"]
    )
    header = ("request", "responses per second", "median", "95th percentile", "memory, idle", "memory, maximum")
    first = content["loads"][0]
    return (
        f"{table(header, rows)}\n\n{first['clients']} concurrent clients, {first['requests']} mp3s of 30 s, all "
        "windows, one worker, `lens`; clients on the same cores; server and workers in a control group of "
        f"{content['limit_mb']} MB. {provenance(content)}."
    )


def fuzz() -> str:
    """Return a paragraph on the server's responses to broken files."""
    content = read_results("fuzz")
    statuses = ", ".join(f"{count} with status {status}" for status, count in sorted(content["statuses"].items()))
    before, halfway, after = (content[phase]["now"] for phase in ("before", "halfway", "after"))
    return (
        f"Of {content['files']:,} broken files (seed {content['seed']}), the server answered {statuses}; "
        f"{content['workers_lost']} of them ended a worker process. All processes together had {before:.0f} MB before, "
        f"{halfway:.0f} MB halfway and {after:.0f} MB after. {provenance(content)}."
    )


def cluster_agreement() -> str:
    """Return the agreement of runs on the cluster with the local engine."""
    return table(
        ("", "tracks", "equal genres or failures", "largest difference of a score"),
        (
            (run, row["tracks"], row["equal genres or failures"], f"{row['largest difference of a score']:.1e}")
            for run, row in read_results("cluster")["agreement with the local engine"].items()
        ),
    )


def cluster_speed() -> str:
    """Return the speed of the cluster, except for the middle half of a run, which is too short to be reliable."""
    content = read_results("cluster")
    figures = {name: value for name, value in content["figures"].items() if "middle half" not in name}
    return (
        f"{figure_table(figures)}\n\n{content['tracks']} tracks; {content['machine']}, Ray "
        f"{content['versions']['ray']}, {content['date']}."
    )


def cluster_rates(figures: Mapping[str, float]) -> tuple[float, float]:
    """Return the tracks per second of one core, and the limit of a driver that hands out tasks."""
    cpu_ms = figures["decoding and log-mels (CPU ms per track)"] + figures["the model (CPU ms per track)"]
    # Two cores were measured, start and end included; no core can do more than its CPU time allows.
    core = min(figures["cluster, in total (tracks/s)"] / 2, 1000 / cpu_ms)
    return core, figures["cluster, paths without a file (tracks/s)"]


def cluster_sizing() -> str:
    """Return an extrapolation of the measured cost of one track to a million."""
    figures: dict[str, Any] = read_results("cluster")["figures"]
    core, limit = cluster_rates(figures)
    stored, audio = figures["through the object store (kB per track)"], figures["audio file (MB per track)"]
    rates = {cores: min(core * cores, limit) for cores in CLUSTERS}
    rows = (
        (
            *(cores, f"{rate:,.0f}", f"{TRACKS / rate / 3600:.1f} hours"),
            *(f"{8 * rate * audio / 1000:.1f} Gbit/s", f"{rate * stored / 1000:,.0f} MB/s"),
        )
        for cores, rate in rates.items()
    )
    header = ("cores", "tracks per second", "time for a million tracks", "read", "through the object stores")
    return (
        f"{table(header, rows)}\n\nIn total, {TRACKS * audio / 1e6:.1f} TB of audio are read, "
        f"{TRACKS * stored / 1e9:.2f} TB pass through the object stores, and at most "
        f"{TRACKS * figures['results, before compression (kB per track)'] / 1e6:.1f} GB of Parquet are written. Ray's "
        f"own overhead, measured with paths without a file, limits this driver of two cores to {limit:,.0f} tracks per "
        f"second, the work of {limit / core:,.0f} cores; no row exceeds that. Beyond it, use two clusters with half of "
        "the tracks each."
    )
