"""Programs that are asked in turn, and the tables of what they answer."""

import statistics
import subprocess
import sys


class Contestant:
    """A program that answers a line of words by a line of numbers (see peer.py)."""

    def __init__(self, name, command):
        self.name, self.question = name, ""
        self.process = subprocess.Popen([str(word) for word in command], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, *words):
        self.question = " ".join(map(str, words))
        try:
            print(self.question, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # receive says so

    def receive(self):
        """The numbers it answers; none, and a line to stderr, if it cannot."""
        line = self.process.stdout.readline()
        try:
            numbers = [float(number) for number in line.split()]
        except ValueError:
            numbers = []
        if not numbers:
            print("%s: %s: %s" % (self.name, self.question, line.strip() or "no answer"), file=sys.stderr)
        return numbers

    def ask(self, *words):
        self.send(*words)
        return self.receive()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


def race(contestants, rounds, *question):
    """All are asked in turn, round after round. -> {name: [first number of each round]}"""
    figures = {}
    for _ in range(rounds):
        for c in contestants:
            answer = c.ask(*question)
            if answer:
                figures.setdefault(c.name, []).append(answer[0])
    return figures


def head(say, names):
    say("| " + " | ".join(names) + " |")
    say("|" + "---|" * len(names))


def row(say, cells):
    say("| " + " | ".join(cells) + " |")


def microseconds(rounds):
    """The median; with a ? if rounds differ by more than a factor of two."""
    if not rounds:
        return "-"
    us = statistics.median(rounds)
    return "%.*f%s" % (2 if us < 10 else 1 if us < 100 else 0, us, "?" if max(rounds) > 2 * min(rounds) else "")


def ratio(a, b):
    """The median of the rounds' ratios."""
    return "%.2f" % statistics.median(x / y for x, y in zip(a, b)) if a and b else "-"
