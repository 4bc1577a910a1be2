"""The scripts that have bash, zsh and fish ask the engine what may stand where the cursor is, and where each belongs.

Owns what goes to and fro between them: the words behind `engine` up to the cursor go to `engine __complete SHELL`, and each
line that comes back is a candidate, a tab and what it is; `:files` and `:folders` ask the shell for its own. bash cuts words
itself, so it sends the line as it stands and the characters at which it cuts.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from engine.cli.completing import Candidate, Look, Reply, Typed, candidates_of

__all__ = ["SCRIPTS", "place_of", "reply"]

BASH = """\
# Completion of engine for bash. Made by: engine completion bash
_engine_completion() {
    local IFS=$'\\n' line current="$2"
    COMPREPLY=()
    for line in $("$1" __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null); do
        case $line in
            :files) compopt -o filenames +o nospace; COMPREPLY+=($(compgen -f -- "$current")) ;;
            :folders) compopt -o filenames +o nospace; COMPREPLY+=($(compgen -d -- "$current")) ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done
}
complete -o nospace -F _engine_completion engine
"""
ZSH = """\
#compdef engine
# Completion of engine for zsh. Made by: engine completion zsh
_engine() {
    local line value about
    local -a whole open
    local paths=""
    for line in "${(@f)$(${(Q)words[1]} __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        case $line in
            "") continue ;;
            :files) paths=_files; continue ;;
            :folders) paths=_directories; continue ;;
        esac
        value="${${line%%$'\\t'*}//:/\\\\:}"
        about="${line#*$'\\t'}"
        if [[ $value == */ || $value == *= ]]; then open+=("$value:$about"); else whole+=("$value:$about"); fi
    done
    (( ${#whole} )) && _describe -V engine whole
    (( ${#open} )) && _describe -V engine open -S ''
    [[ -n $paths ]] && $paths
    return 0
}
if [ "$funcstack[1]" = "_engine" ]; then _engine "$@"; else compdef _engine engine; fi
"""
FISH = """\
# Completion of engine for fish. Made by: engine completion fish
function __engine_completion
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :folders
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c engine -f -a '(__engine_completion)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def _look(what: str, typed: Typed, current: str) -> Iterable[Candidate]:
    """Ask the engine, which most words need not."""
    from engine.cli.offered import look

    return look(what, typed, current)


def reply(sent: Sequence[str], look: Look = _look) -> str:
    """What a shell is answered. sent: its name, then the words behind `engine` up to the cursor; of bash its line and cuts."""
    shell, *words = sent or [""]
    cut = ""
    if shell == "bash":
        line, breaks = (*words, "", "")[:2]
        words = _words(line)[1:] or [""]
        current = words[-1]
        cut = current[: max((current.rfind(mark) for mark in breaks if mark in ":="), default=-1) + 1]
    found = candidates_of(words, look)
    return "".join(f"{line}\n" for line in _lines(shell, found, cut))


def _lines(shell: str, found: Reply, cut: str) -> list[str]:
    lines = []
    for one in found.candidates:
        if shell == "bash":
            lines.append(one.text.removeprefix(cut) + (" " if one.is_whole else ""))
        else:
            lines.append(f"{one.text}\t{' '.join(one.about.split())}")
    return lines + ([f":{found.paths}"] if found.paths else [])


def _words(line: str) -> list[str]:
    """The words of a line as a shell sees them, the last of which may be empty, or in quotes that are still open."""
    for closing in ("", "'", '"'):
        try:
            words = shlex.split(line + closing)
        except ValueError:
            continue
        return [*words, ""] if not line or (not closing and line[-1].isspace() and not line.endswith("\\ ")) else words
    return line.split(" ")


def place_of(shell: str, environ: Mapping[str, str]) -> Path:
    """The file in which a shell looks for the completion of `engine`, for this user alone."""
    home = Path(environ.get("HOME") or Path.home())
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "bash": data / "bash-completion" / "completions" / "engine",
        "zsh": data / "zsh" / "site-functions" / "_engine",
        "fish": config / "fish" / "completions" / "engine.fish",
    }[shell]
