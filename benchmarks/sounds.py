"""Sounds that are not music, made by independent tools: speech by espeak-ng; noise, tones and clicks by sox."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

SECONDS = 30  # length of each sound

TEXTS = {
    "en": "The morning train was late again, so the people on the platform opened their papers and waited. Nobody "
    "said a word about it. After a while a voice told them that there were leaves on the line.",
    "de": "Der Zug am Morgen hatte wieder Verspätung, also schlugen die Leute am Bahnsteig ihre Zeitungen auf und "
    "warteten. Niemand sagte ein Wort dazu. Nach einer Weile meldete eine Stimme Laub auf den Schienen.",
    "fr": "Le train du matin était encore en retard, alors les gens sur le quai ont ouvert leurs journaux et ont "
    "attendu. Personne n'a rien dit. Après un moment, une voix a parlé de feuilles sur les rails.",
    "es": "El tren de la mañana llegaba tarde otra vez, así que la gente del andén abrió el periódico y esperó. Nadie "
    "dijo nada. Al cabo de un rato, una voz habló de hojas caídas en la vía.",
    "it": "Il treno del mattino era di nuovo in ritardo, così la gente sul binario aprì il giornale e aspettò. Nessuno "
    "disse una parola. Dopo un po' una voce parlò di foglie sulle rotaie.",
    "pl": "Poranny pociąg znowu się spóźniał, więc ludzie na peronie otworzyli gazety i czekali. Nikt nie powiedział "
    "ani słowa. Po chwili jakiś głos powiedział, że na torach leżą liście.",
    "ru": "Утренний поезд снова опаздывал, и люди на платформе открыли газеты и ждали. Никто не сказал ни слова. "
    "Через некоторое время голос сообщил, что на путях лежат листья.",
    "hi": "सुबह की गाड़ी फिर देर से आई, इसलिए लोग अख़बार खोलकर इंतज़ार करने लगे। किसी ने कुछ नहीं कहा। थोड़ी देर बाद एक आवाज़ आई।",
    "sw": "Treni ya asubuhi ilichelewa tena, kwa hiyo watu walifungua magazeti yao na kusubiri. Hakuna aliyesema "
    "neno. Baada ya muda sauti ilisema kwamba kulikuwa na majani kwenye reli.",
}
SPEAKERS = ("m1", "f2", "m3", "f4", "m7", "f5", "klatt2", "whisper", "croak", "Andy", "steph", "Mario")
SPEEDS = (130, 160, 190, 230)  # words per minute
SPOKEN = 40  # number of speech sounds

NOISES = {
    "white": "synth {s} whitenoise",
    "pink": "synth {s} pinknoise",
    "brown": "synth {s} brownnoise",
    "faint pink": "synth {s} pinknoise gain -45",
    "telephone band": "synth {s} whitenoise sinc 300-3400",
    "rumble": "synth {s} brownnoise lowpass 150",
    "hiss": "synth {s} whitenoise highpass 4000",
    "surf": "synth {s} pinknoise tremolo 0.15 90",
    "engine": "synth {s} brownnoise tremolo 18 70",
    "wind": "synth {s} pinknoise lowpass 600 tremolo 0.4 80",
}
TONES = {
    "low": "synth {s} sine 110",
    "middle": "synth {s} sine 440",
    "high": "synth {s} sine 3000",
    "mains hum": "synth {s} square 50 lowpass 400",
    "sawtooth": "synth {s} sawtooth 220",
    "triangle": "synth {s} triangle 660",
    "dialling": "synth {s} sine 350 synth {s} sine mix 440",
    "engaged": "synth 0.5 sine 425 pad 0 0.5 repeat 29 trim 0 {s}",
    "pips": "synth 0.1 sine 1000 pad 0 0.9 repeat 29 trim 0 {s}",
    "sweep": "synth {s} sine 20:10000",
    "rising": "synth {s} sine 20/10000",
    "siren": "synth 1.5 sine 500:1500 synth 1.5 sine mix 1000 repeat 20 trim 0 {s}",
    "chirps": "synth 0.2 sine 2000:5000 pad 0 0.4 repeat 49 trim 0 {s}",
    "tone in noise": "synth {s} sine 800 synth {s} whitenoise mix",
}
CLICKS = {
    "clock": "synth 0.005 whitenoise pad 0 0.995 repeat 29 trim 0 {s}",
    "two a second": "synth 0.01 whitenoise pad 0 0.49 repeat 59 trim 0 {s}",
    "ten a second": "synth 0.004 whitenoise pad 0 0.096 repeat 299 trim 0 {s}",
    "knocks": "synth 0.06 brownnoise pad 0 0.64 repeat 43 trim 0 {s}",
    "impulses": "synth 0.0005 square 1000 pad 0 0.3 repeat 99 trim 0 {s}",
}
SILENCES = {
    "digital": "trim 0 {s}",
    "dither": "synth {s} tpdfnoise gain -84",
    "quiet room": "synth {s} pinknoise gain -65",
    "quiet hum": "synth {s} sine 50 gain -65",
}
NOISE_TYPES = ("pinknoise", "brownnoise", "whitenoise")
NOISE_VOLUMES = (0.02, 0.1, 0.3)  # for speech at 0.7

Sound = tuple[str, str, Path]  # kind, name, file


def make_sounds(folder: Path) -> Iterator[Sound]:
    """Write 93 sounds of thirty seconds, 22,050 Hz, into a folder."""
    for tool in ("espeak-ng", "sox"):
        if not shutil.which(tool):
            sys.exit(f"{tool} generates the sounds and is not installed; `apt-get install espeak-ng sox`")
    spoken = list(_speech(folder))
    yield from spoken
    for number, (_, name, file) in enumerate(spoken[::2]):
        noise_type, volume = NOISE_TYPES[number % 3], NOISE_VOLUMES[number // 3 % 3]
        mixed = folder / f"{file.stem} over {noise_type}.wav"
        noise = ("-v", str(volume), f"|sox -R -r 22050 -n -p synth {SECONDS} {noise_type}")
        _run("sox", "-R", "-m", "-v", "0.7", str(file), *noise, str(mixed))
        yield "speech over noise", f"{name} over {noise_type} {volume}", mixed
    for kind, recipes in (("noise", NOISES), ("tones", TONES), ("clicks", CLICKS), ("silence", SILENCES)):
        for name, effects in recipes.items():
            file = folder / f"{kind} {name}.wav"
            _run("sox", "-R", "-r", "22050", "-b", "16", "-n", str(file), *effects.format(s=SECONDS).split())
            yield kind, name, file


def _speech(folder: Path) -> Iterator[Sound]:
    """Synthesise speech in every language by several speakers, slow and fast."""
    choices = zip(cycle(TEXTS), cycle(SPEAKERS), cycle(SPEEDS), range(SPOKEN), strict=False)
    for language, speaker, speed, number in choices:
        name = f"{language}+{speaker} at {speed}"
        raw, file = folder / f"raw {number}.wav", folder / f"speech {number}.wav"
        text = " ".join(islice(cycle([TEXTS[language]]), 4))
        _run("espeak-ng", "-v", f"{language}+{speaker}", "-s", str(speed), "-w", str(raw), text)
        _run("sox", "-R", str(raw), "-r", "22050", str(file), "repeat", "3", "trim", "0", str(SECONDS))
        yield "speech", name, file


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed: {result.stderr.strip()}")
