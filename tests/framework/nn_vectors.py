#!/usr/bin/env python3
"""Writes nn_vectors.h: what PyTorch computes for the modules, losses, optimizers and schedules that test_nn*.c and
test_optim.c make, on small inputs. Run it where PyTorch is (python3 nn_vectors.py > nn_vectors.h); the tests need it not."""
import torch
import torch.nn as nn
import torch.nn.functional as F

rows = []


def put(case, name, t):
    t = t.detach()
    kind = "i" if not t.is_floating_point() else "f"
    data = [repr(float(f"{v:.7g}")) for v in t.double().reshape(-1).tolist()]
    rows.append((case, name, list(t.shape), kind, data))


def module(case, m, x, call=None, train=True):
    torch.manual_seed(len(rows))
    for p in m.parameters():
        p.data.uniform_(-0.6, 0.6)
    for n, b in m.named_buffers():
        if "var" in n:
            b.uniform_(0.5, 1.5)
        elif b.is_floating_point():
            b.uniform_(-0.5, 0.5)
    m.train(train)
    for n, v in m.state_dict().items():
        put(case, "state " + n, v)
    put(case, "x", x)
    if x.is_floating_point():
        x.requires_grad_()
    y = call(m, x) if call else m(x)
    dy = torch.linspace(-1, 1, y.numel()).reshape(y.shape)
    put(case, "y", y)
    y.backward(dy)
    if x.is_floating_point():
        put(case, "grad x", x.grad)
    for n, p in m.named_parameters():
        put(case, "grad " + n, p.grad)
    for n, b in m.named_buffers():
        put(case, "after " + n, b)


def modules():
    torch.manual_seed(1)
    r = torch.randn
    module("linear", nn.Linear(5, 3), r(4, 5))
    module("linear_no_bias", nn.Linear(5, 3, bias=False), r(2, 2, 5))
    module("conv2d", nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), r(2, 4, 5, 6))
    module("conv2d_dilated", nn.Conv2d(2, 3, (3, 2), dilation=(2, 1), bias=False), r(1, 2, 7, 5))
    module("conv1d", nn.Conv1d(3, 4, 3, padding=1), r(2, 3, 6))
    module("batch_norm1d", nn.BatchNorm1d(3), r(6, 3))
    module("batch_norm2d", nn.BatchNorm2d(3, momentum=0.3), r(2, 3, 3, 2))
    module("batch_norm2d_eval", nn.BatchNorm2d(3), r(2, 3, 2, 2), train=False)
    module("layer_norm", nn.LayerNorm(6), r(3, 6))
    module("group_norm", nn.GroupNorm(2, 4), r(2, 4, 3, 2))
    module("rms_norm", nn.RMSNorm(6, eps=1e-5), r(3, 6))
    module("embedding", nn.Embedding(7, 3, padding_idx=2), torch.tensor([[1, 2, 6], [0, 1, 1]]))
    module("max_pool2d", nn.MaxPool2d(3, stride=2, padding=1), r(1, 2, 5, 6))
    module("avg_pool2d", nn.AvgPool2d(2), r(1, 2, 4, 6))
    module("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((2, 3)), r(1, 2, 5, 7))
    module("attention", nn.MultiheadAttention(4, 2, batch_first=True), r(2, 3, 4), lambda m, x: m(x, x, x, need_weights=False)[0])
    module("encoder_layer", nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True), r(2, 3, 4))
    module("encoder_layer_pre", nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, activation="gelu", batch_first=True, norm_first=True),
           r(2, 3, 4))
    first = lambda m, x: m(x)[0]
    module("rnn", nn.RNN(3, 4, batch_first=True), r(2, 5, 3), first)
    module("rnn_relu", nn.RNN(3, 4, nonlinearity="relu", bias=False), r(5, 2, 3), first)
    module("lstm", nn.LSTM(3, 2, num_layers=2, bidirectional=True, batch_first=True), r(2, 4, 3), first)
    module("gru", nn.GRU(3, 4, num_layers=2, batch_first=True), r(2, 4, 3), first)
    module("prelu", nn.PReLU(), r(2, 3))
    for name, f in [("ReLU", nn.ReLU()), ("ReLU6", nn.ReLU6()), ("LeakyReLU", nn.LeakyReLU()), ("ELU", nn.ELU()), ("SELU", nn.SELU()),
                    ("GELU", nn.GELU()), ("GELU_tanh", nn.GELU("tanh")), ("SiLU", nn.SiLU()), ("Mish", nn.Mish()),
                    ("Softplus", nn.Softplus()), ("Softsign", nn.Softsign()), ("Hardtanh", nn.Hardtanh()),
                    ("Hardsigmoid", nn.Hardsigmoid()), ("Hardswish", nn.Hardswish()), ("LogSigmoid", nn.LogSigmoid()),
                    ("Tanhshrink", nn.Tanhshrink()), ("Sigmoid", nn.Sigmoid()), ("Tanh", nn.Tanh()), ("CELU", nn.CELU())]:
        module("activation_" + name, f, torch.tensor([-7.0, -3.2, -1.1, -0.4, 0.3, 0.9, 2.5, 6.5]))
    module("lstm_projection", nn.LSTM(3, 5, num_layers=2, bidirectional=True, proj_size=2), r(4, 3, 3), first)
    module("rnn_cell", nn.RNNCell(3, 4), r(2, 3))
    module("gru_cell", nn.GRUCell(3, 4, bias=False), r(2, 3))
    module("lstm_cell", nn.LSTMCell(3, 4), r(2, 3), first)

    def packed(m, x):
        p = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([2, 5, 3]), batch_first=True, enforce_sorted=False)
        y, state = m(p)
        h = state[0] if isinstance(state, tuple) else state
        y = nn.utils.rnn.pad_packed_sequence(y, batch_first=True)[0]
        return torch.cat([y.reshape(-1), h.reshape(-1)])
    module("lstm_packed", nn.LSTM(3, 4, bidirectional=True, proj_size=2), r(3, 5, 3), packed)
    module("gru_packed", nn.GRU(3, 4, num_layers=2, bidirectional=True), r(3, 5, 3), packed)


def loss(case, f, x, *rest):
    x.requires_grad_()
    put(case, "x", x)
    for i, t in enumerate(rest):
        put(case, f"t{i}", t)
    y = f(x, *rest)
    y.sum().backward()
    put(case, "y", y)
    put(case, "grad x", x.grad)


def losses():
    torch.manual_seed(2)
    r, x34 = torch.randn, lambda: torch.randn(3, 4)
    lab, two = torch.tensor([1, 3, 0]), torch.tensor([1, -7, 0])
    w = torch.tensor([0.5, 1.5, 1.0, 2.0])
    ce = F.cross_entropy
    loss("cross_entropy", ce, x34() * 4, lab)
    loss("cross_entropy_sum", lambda x, t: ce(x, t, reduction="sum"), x34(), lab)
    loss("cross_entropy_none", lambda x, t: ce(x, t, reduction="none"), x34(), lab)
    loss("cross_entropy_smooth", lambda x, t: ce(x, t, label_smoothing=0.1), x34(), lab)
    loss("cross_entropy_ignore", lambda x, t: ce(x, t, ignore_index=-7), x34(), two)
    loss("cross_entropy_weight", lambda x, t, v: ce(x, t, weight=v, label_smoothing=0.2, ignore_index=-7), x34(), two, w)
    loss("cross_entropy_probabilities", lambda x, t, v: ce(x, t, weight=v, label_smoothing=0.1), x34(), x34().softmax(1), w)
    loss("cross_entropy_2d", ce, r(2, 3, 2, 2), torch.tensor([[[0, 1], [2, 2]], [[1, 1], [0, 2]]]))
    loss("cross_entropy_single", ce, r(4), torch.tensor(2))
    loss("nll", lambda x, t, v: F.nll_loss(x, t, weight=v), x34().log_softmax(1).detach(), lab, w)
    seed = torch.get_rng_state()
    torch.manual_seed(9)
    ctc = lambda how, zero: lambda x, t, n, l: F.ctc_loss(x.log_softmax(-1), t, n, l, reduction=how, zero_infinity=zero)
    labels, steps, counts = torch.tensor([[1, 2, 2], [3, 1, 1], [2, 2, 1]]), torch.tensor([6, 4, 2]), torch.tensor([3, 2, 2])
    loss("ctc", ctc("mean", True), r(6, 3, 4), labels, steps, counts)
    loss("ctc_sum", ctc("sum", True), r(6, 3, 4), labels, steps, counts)
    torch.set_rng_state(seed)
    a, b = torch.tensor([-1.5, -0.2, 0.0, 0.4, 2.0, 3.0]), torch.tensor([0.5, 0.1, 0.0, 0.4, 1.0, -1.0])
    p, q = torch.tensor([0.1, 0.5, 0.9, 1e-5]), torch.tensor([0.0, 1.0, 0.3, 0.7])
    loss("mse", F.mse_loss, a.clone(), b)
    loss("l1", F.l1_loss, a.clone(), b)
    loss("huber", lambda x, t: F.huber_loss(x, t, delta=0.7), a.clone(), b)
    loss("smooth_l1", lambda x, t: F.smooth_l1_loss(x, t, beta=0.5, reduction="sum"), a.clone(), b)
    loss("bce", F.binary_cross_entropy, p.clone(), q)
    loss("bce_logits", F.binary_cross_entropy_with_logits, torch.tensor([-40.0, 0.0, 2.0, 90.0]), q)
    loss("bce_logits_weight", lambda x, t, v: F.binary_cross_entropy_with_logits(x, t, pos_weight=v), torch.tensor([-4.0, 0.0, 2.0, 9.0]), q,
         torch.tensor([1.0, 2.0, 3.0, 0.5]))
    loss("kl", lambda x, t: F.kl_div(x, t, reduction="batchmean"), x34().log_softmax(1).detach(), torch.tensor(
        [[0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0]]))
    loss("kl_log", lambda x, t: F.kl_div(x, t, log_target=True), x34().log_softmax(1).detach(), x34().log_softmax(1))


def trajectory(case, make, steps=20):
    p = torch.tensor([1.0, -2.0, 0.5, 3.0, -0.25], requires_grad=True)
    t, c = torch.tensor([0.0, 1.0, 0.5, -1.0, 2.0]), torch.tensor([1.0, 0.1, 3.0, 0.5, 0.01])
    o, path = make([p]), []
    for _ in range(steps):
        o.zero_grad()
        (c * (p - t) ** 2).sum().backward()
        o.step()
        path.append(p.detach().clone())
    put("optimizer_" + case, "path", torch.stack([path[0], path[1], path[6], path[-1]]))


def optimizers():
    o = torch.optim
    trajectory("sgd", lambda p: o.SGD(p, lr=0.1))
    trajectory("sgd_momentum", lambda p: o.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1))
    trajectory("sgd_nesterov", lambda p: o.SGD(p, lr=0.05, momentum=0.8, nesterov=True, maximize=True))
    trajectory("adam", lambda p: o.Adam(p, lr=0.1))
    trajectory("adam_amsgrad", lambda p: o.Adam(p, lr=0.2, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.1, amsgrad=True))
    trajectory("adam_beta1_zero", lambda p: o.Adam(p, lr=0.1, betas=(0.0, 0.99)))
    trajectory("adamw", lambda p: o.AdamW(p, lr=0.1))
    trajectory("adamw_maximize", lambda p: o.AdamW(p, lr=0.1, weight_decay=0.2, maximize=True))
    trajectory("rmsprop", lambda p: o.RMSprop(p, lr=0.05))
    trajectory("rmsprop_centered", lambda p: o.RMSprop(p, lr=0.05, alpha=0.9, momentum=0.5, centered=True, weight_decay=0.1))


def rates(case, make, steps=25, metrics=None):
    p = torch.zeros(1, requires_grad=True)
    o = torch.optim.SGD([p], lr=0.5, momentum=0.9)
    s = make(o)
    path = [o.param_groups[0]["lr"]]
    for i in range(steps):
        o.step()
        s.step(metrics[i]) if metrics else s.step()
        path.append(o.param_groups[0]["lr"])
    put("schedule_" + case, "path", torch.tensor(path, dtype=torch.float64))
    put("schedule_" + case, "momentum", torch.tensor(o.param_groups[0]["momentum"], dtype=torch.float64))


METRICS = [5, 4, 3, 3, 3, 3, 3, 2.9, 2.9999, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2, 2, 2, 2, 2, 2, 2, 2]


def schedules():
    s = torch.optim.lr_scheduler
    rates("step", lambda o: s.StepLR(o, 7, 0.3))
    rates("multi_step", lambda o: s.MultiStepLR(o, [3, 9, 9, 20], 0.5))
    rates("exponential", lambda o: s.ExponentialLR(o, 0.9))
    rates("constant", lambda o: s.ConstantLR(o, 0.25, 6))
    rates("linear", lambda o: s.LinearLR(o, 1 / 3, 1, 5))
    rates("polynomial", lambda o: s.PolynomialLR(o, 12, 2.0))
    rates("cosine", lambda o: s.CosineAnnealingLR(o, 10, 0.01))
    rates("lambda", lambda o: s.LambdaLR(o, lambda t: 1 / (1 + t)))
    rates("one_cycle", lambda o: s.OneCycleLR(o, 1.0, total_steps=25), 25 - 1)
    rates("one_cycle_three", lambda o: s.OneCycleLR(o, 1.0, total_steps=30, anneal_strategy="linear", three_phase=True), 20)
    rates("plateau", lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1, min_lr=0.05), metrics=METRICS)
    rates("sequential", lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1, 4), s.ExponentialLR(o, 0.8), s.CosineAnnealingLR(o, 8)], [4, 10]))
    rates("chained", lambda o: s.ChainedScheduler([s.LinearLR(o, 0.5, 1, 6), s.ExponentialLR(o, 0.9), s.StepLR(o, 5, 0.5)]))


def three_axes():
    """Last, because the seeds count what came before."""
    module("conv3d", nn.Conv3d(2, 4, 2, stride=(1, 2, 1), padding=1, groups=2), torch.randn(1, 2, 2, 3, 3))
    module("conv_transpose3d", nn.ConvTranspose3d(2, 3, 2, stride=2), torch.randn(1, 2, 1, 2, 2))


modules()
losses()
optimizers()
schedules()
three_axes()
print("/* Made by nn_vectors.py with PyTorch. */")
print('#include "nn_vector.h"\n')
for i, (case, name, shape, kind, data) in enumerate(rows):
    print(f"static const double d{i}[] = {{{', '.join(data) or '0'}}};")
print("\nstatic const vector vectors[] = {")
for i, (case, name, shape, kind, data) in enumerate(rows):
    print(f'    {{"{case}", "{name}", {{{len(shape)}, {{{", ".join(map(str, shape)) or "0"}}}}}, {"true" if kind == "i" else "false"}, d{i}}},')
print("};")
