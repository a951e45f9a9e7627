#!/usr/bin/env python3
"""Cairn against PyTorch: the same work, the same threads, one run, alternating.

    python3 bench/compare.py build/bench/bench_framework [FILTER] [--rounds 3] [--compile]

PyTorch runs as it is and with an allocator that keeps its memory (and compiled, with --compile); the fastest counts. Prints, for
each workload, the best medians, the ratio (PyTorch's time over Cairn's) and, for training, the rate and its
share of the machine's FMA peak. The PyTorch half is this file, started with --torch."""
import argparse
import os
import statistics
import subprocess
import sys
import time

KEEPS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "20000000000", "MALLOC_TOP_PAD_": "268435456"}
# Floating-point operations of one step: forward, and twice that for the two gradients.
FLOPS = {
    "train MLP 784-512-512-10 b128 Adam": 3 * 2 * 128 * (784 * 512 + 512 * 512 + 512 * 10),
    "train LeNet 28x28 b64 Adam": 3 * 2 * 64 * (28 * 28 * 32 * 9 + 14 * 14 * 64 * 32 * 9 + 3136 * 128 + 1280),
    "train ResNet-18 CIFAR b32 SGD": 3 * 32 * 1.11e9,
}


def median(run, seconds, warm=3):
    for _ in range(warm):
        run()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or (time.perf_counter() < end and len(times) < 20000):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def torch_half(wanted, threads, compiled):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def report(name, run, seconds=1.0):
        if wanted in name:
            print(f"{name}\t{median(run, seconds):.9f}", flush=True)

    def infer(name, run):
        with torch.no_grad():
            report(name, run)

    one = torch.ones(1)

    def adds():
        y = one
        for _ in range(1000):
            y = y + one
        y.item()

    infer("overhead add 1 element x1000", adds)

    def train(name, make, x, y, optimizer=torch.optim.Adam, seconds=3.0):
        if wanted not in name:
            return
        net = make()
        step_of = optimizer(net.parameters(), lr=1e-3)
        call = torch.compile(net) if compiled else net

        def step():
            step_of.zero_grad()
            out = call(x)
            F.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1)).backward()
            step_of.step()

        report(name, step, seconds)

    labels = torch.randint
    tiny = lambda: nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 4))
    train("overhead tiny MLP Adam step", tiny, torch.randn(8, 16), labels(0, 4, (8,)), seconds=1)
    small, x1 = tiny(), torch.randn(1, 16)
    infer("overhead tiny MLP forward b1", lambda: small(x1))

    maps = [
        ("add 64MiB", lambda: x + 1.0), ("exp 64MiB", lambda: x.exp()), ("chain (x*2+1).tanh()*x 64MiB", lambda: (x * 2 + 1).tanh() * x),
        ("softmax rows 4096x4096", lambda: torch.softmax(x, -1)), ("layer_norm 4096x4096", lambda: F.layer_norm(x, x.shape[-1:])),
        ("sum 64MiB", lambda: x.sum()),
    ]
    x = torch.randn(4096, 4096) if any(wanted in name for name, _ in maps) else one
    for name, run in maps:
        infer(name, run)

    train("train MLP 784-512-512-10 b128 Adam",
          lambda: nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)),
          torch.randn(128, 784), labels(0, 10, (128,)))
    train("train LeNet 28x28 b64 Adam",
          lambda: nn.Sequential(nn.Conv2d(1, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
                                nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10)),
          torch.randn(64, 1, 28, 28), labels(0, 10, (64,)))

    class Block(nn.Module):
        def __init__(self, i, o, s):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
            self.skip = nn.Identity() if s == 1 and i == o else nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o))

        def forward(self, x):
            return F.relu(self.body(x) + self.skip(x))

    def resnet18():
        blocks = [Block(*b) for b in ((64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1))]
        stem = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)).to(memory_format=torch.channels_last)

    train("train ResNet-18 CIFAR b32 SGD", resnet18, torch.randn(32, 3, 32, 32).to(memory_format=torch.channels_last), labels(0, 10, (32,)), torch.optim.SGD, 6)

    name = "Adam update 100M parameters, fused"
    if wanted in name:
        p = [nn.Parameter(torch.randn(10_000_000)) for _ in range(10)]
        for t in p:
            t.grad = torch.randn_like(t)
        o = torch.optim.Adam(p, lr=1e-3, fused=True)
        report(name, o.step, 4)


def lines_of(command, extra_env=None):
    out = subprocess.run(command, env={**os.environ, **(extra_env or {})}, capture_output=True, text=True, check=False)
    if out.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{out.stderr[-2000:]}")
    return {name: float(seconds) for name, seconds in (l.split("\t") for l in out.stdout.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", nargs="?")
    parser.add_argument("filter", nargs="?", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peak", type=float, default=0, help="the machine's f32 FMA peak in GFLOP/s, as `cairn bench --machine` prints it")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--torch", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.torch:
        return torch_half(a.filter, a.threads, a.compile)
    os.environ.update(OMP_NUM_THREADS=str(a.threads), CAIRN_THREADS=str(a.threads))
    peer = [sys.executable, __file__, "x", a.filter, "--torch", f"--threads={a.threads}"]
    variants = [(peer, None), (peer, KEEPS)] + ([(peer + ["--compile"], None)] if a.compile else [])
    best = {"cairn": {}, "torch": {}}
    for _ in range(a.rounds):
        for who, found in [("cairn", lines_of([a.bench, a.filter]))] + [("torch", lines_of(c, e)) for c, e in variants]:
            for name, seconds in found.items():
                best[who][name] = min(seconds, best[who].get(name, seconds))
    print(f"{'work':42} {'PyTorch':>12} {'Cairn':>12} {'ratio':>7}")
    for name, ours in best["cairn"].items():
        theirs = best["torch"].get(name)
        share = f"  {FLOPS[name] / ours / 1e9:6.0f} GFLOP/s" if name in FLOPS else ""
        share += f" = {FLOPS[name] / ours / 1e7 / a.peak:.0f} % of peak" if name in FLOPS and a.peak else ""
        print(f"{name:42} {theirs * 1e6 if theirs else float('nan'):9.1f} us {ours * 1e6:9.1f} us {theirs / ours if theirs else float('nan'):7.2f}{share}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
