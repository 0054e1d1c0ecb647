"""Training steps of GPT-2 in PyTorch: transformers' model with the weights of ours, cross-entropy, or KD with a teacher.

A step with a teacher runs it, too, without gradients, as ours does: its logits of a whole corpus would fill the memory.
"""

from contest import Contender, arguments, hold

options = arguments(batch=32, length=128, temperature=2.0, student="", teacher="")

import copy  # noqa: E402  (threads are fixed before torch loads)

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from contest import uniform  # noqa: E402
from transformers import GPT2LMHeadModel, logging  # noqa: E402

logging.set_verbosity_error()
torch.set_num_threads(options.threads)
STUDENT = GPT2LMHeadModel.from_pretrained(options.student)
TEACHER = GPT2LMHeadModel.from_pretrained(options.teacher).eval() if options.teacher else None
VOCABULARY = STUDENT.config.vocab_size
IDS = (torch.tensor(uniform(options.batch * options.length, seed=3)) * VOCABULARY).long()
LABELS = IDS.roll(-1)
IDS = IDS.reshape(options.batch, options.length)


def logits_of(model, ids):
    return model(input_ids=ids, use_cache=False).logits.flatten(0, 1)


def criterion(student, teacher, ids, labels):
    logits = logits_of(student, ids)
    loss = F.cross_entropy(logits, labels)
    if teacher is not None:
        t = options.temperature
        with torch.no_grad():
            wanted = F.log_softmax(logits_of(teacher, ids) / t, 1)
        loss = loss + t * t * F.kl_div(F.log_softmax(logits / t, 1), wanted, reduction="batchmean", log_target=True)
    return loss


def step_of(compiled):
    student = copy.deepcopy(STUDENT).train()
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3, eps=1e-7, fused=True)  # tfjs's epsilon
    loss_of = torch.compile(criterion) if compiled else criterion

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(student, TEACHER, IDS, LABELS)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


with torch.no_grad():
    expected = float(criterion(copy.deepcopy(STUDENT).double(), TEACHER and copy.deepcopy(TEACHER).double(), IDS, LABELS))
contenders = {}
for phrasing in ("eager", "compiled"):
    step = step_of(phrasing == "compiled")
    first = step()
    assert abs(first - expected) < 1e-4 * expected, f"{phrasing}: {first}, expected {expected}"
    contenders[f"PyTorch {phrasing}"] = Contender(step, "float32")

hold(contenders, {"loss": expected}, options, ["torch", "transformers"])
