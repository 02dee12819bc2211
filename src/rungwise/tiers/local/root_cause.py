"""Why did an engine not start, or die, and what would mend it? One line, from its log or error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["RootCause", "cause_of", "death_in", "exceptions_in"]


@dataclass(frozen=True, slots=True)
class RootCause:
    """`for_good`: no other start ends otherwise, unless somebody changes something."""

    line: str
    for_good: bool = False


@dataclass(frozen=True, slots=True)
class _Cause:
    """`pattern` is looked for in what was raised, and its groups fill `told`."""

    pattern: str
    told: str
    for_good: bool = False


# The first that is found counts: what is more exact stands further up. What vLLM 0.25 to 0.32,
# transformers, huggingface_hub, safetensors and torch raise.
_CAUSES: tuple[_Cause, ...] = (
    # ---- the GPU and its memory
    _Cause(
        r"NVIDIA driver on your system is too old \(found version (\w+)\)",
        "the NVIDIA driver is too old for this build of torch (it knows CUDA {0}); "
        "update the driver, or install a vLLM that was built for it",
    ),
    _Cause(
        r"CUDA driver version is insufficient for CUDA runtime version|"
        r"forward compatibility was attempted on non supported HW",
        "the NVIDIA driver is too old for this build of torch; update the driver, or install a "
        "vLLM that was built for it",
    ),
    _Cause(
        r"Found no NVIDIA driver|No CUDA GPUs are available|no CUDA-capable device is detected",
        "no GPU can be seen; check nvidia-smi, CUDA_VISIBLE_DEVICES and, in a container, that it "
        "was given the GPUs",
    ),
    _Cause(
        r"invalid device ordinal",
        "a GPU that it wants is not there; check `gpus` and tensor_parallel_size by nvidia-smi",
    ),
    _Cause(
        r"no kernel image is available for execution on the device",
        "this vLLM was not built for this GPU; it is too old or too new for it",
    ),
    _Cause(
        r"Free memory on device \S+ \(([\d.]+)/([\d.]+) GiB\) on startup is less than desired "
        r"GPU memory utilization \(([\d.]+), ([\d.]+) GiB\)",
        "only {0} of the GPU's {1} GiB are free, and gpu_memory_utilization {2} asks for {3}; "
        "end what uses the rest (nvidia-smi names it), lower gpu_memory_utilization, or set "
        "kv_cache_gib",
    ),
    _Cause(
        r"To serve at least one request with the model's max seq len \((\d+)\).*?"
        r"([\d.]+) GiB KV cache is needed.*?available KV cache memory \(([\d.]+) GiB\)"
        r".*?estimated maximum model length is (\d+)",
        "a context of {0} tokens needs {1} GiB of KV cache and there are {2}; set max_model_len to "
        "{3} or less, or give it more (kv_cache_gib, gpu_memory_utilization)",
    ),
    _Cause(
        r"To serve at least one request with the model's max seq len \((\d+)\).*?"
        r"([\d.]+) GiB KV cache is needed.*?available KV cache memory \(([\d.]+) GiB\)",
        "a context of {0} tokens needs {1} GiB of KV cache and there are {2}; lower max_model_len, "
        "or give it more (kv_cache_gib, gpu_memory_utilization)",
    ),
    _Cause(
        r"No available memory for the cache blocks",
        "the weights leave no memory for the KV cache; raise gpu_memory_utilization, or take a "
        "smaller or quantised model, or more GPUs (tensor_parallel_size)",
    ),
    _Cause(
        r"out of memory occurred when warming up sampler with (\d+) dummy requests",
        "out of GPU memory with {0} drafts at once; lower max_num_seqs or gpu_memory_utilization",
    ),
    _Cause(
        r"(?:CUDA|HIP) out of memory|CUDA error: out of memory|OutOfMemoryError",
        "out of GPU memory; a smaller or quantised model, more GPUs (tensor_parallel_size), or a "
        "lower gpu_memory_utilization where other engines share the GPU",
    ),
    _Cause(
        r"Failed core proc\(s\): .*: -9\b|exit ?code:? -9\b|signal 9\b",
        "its process was killed, most likely for want of memory (see dmesg); give the machine or "
        "the container more, or take a smaller model",
    ),
    _Cause(
        r"DefaultCPUAllocator: can't allocate memory|Cannot allocate memory|\bMemoryError\b",
        "out of memory; a smaller model, or a smaller kv_cache_gib",
    ),
    _Cause(
        r"No space left on device",
        "no space is left on a disk; make room in HF_HOME, in ~/.cache or in /dev/shm (a "
        "container's shm_size)",
    ),
    _Cause(
        r"failed to listen on any local network address\. port: (\d+).{0,120}EADDRINUSE",
        "port {0}, by which its processes were to talk, is taken; end what listens there, or leave "
        "VLLM_PORT unset",
    ),
    _Cause(
        r"[Aa]ddress already in use|EADDRINUSE",
        "a port by which its processes were to talk is taken; end what listens there, or leave "
        "VLLM_PORT unset",
    ),
    # ---- the model, where it comes from
    _Cause(
        r"GatedRepoError|gated repo|access to (?:model|it) .{0,120}is restricted|"
        r"awaiting a review from the repo authors",
        "the model is gated: accept its terms on its page at huggingface.co, and set HF_TOKEN to a "
        "token of that account",
    ),
    _Cause(
        r"RevisionNotFoundError|Revision Not Found|is not a valid git identifier",
        "the hub has no such revision of this model; correct `revision`",
    ),
    _Cause(
        r"LocalEntryNotFoundError|OfflineModeIsEnabled|outgoing traffic has been disabled|"
        r"(?:couldn't|could not|[Cc]annot) (?:connect|reach|find the requested files|find an "
        r"appropriate cached)",
        "the model is not on this machine and the hub cannot be reached; fetch it first "
        "(./scripts/fetch-models), or name its folder",
    ),
    _Cause(
        r"RepositoryNotFoundError|Repository Not Found|is not a valid model identifier|"
        r"not a local folder and is not|Invalid repository ID or local directory",
        "the hub has no such model, or it is private; correct `model`, name a folder with a "
        "config.json, or set HF_TOKEN",
    ),
    _Cause(
        r"Error while deserializing header|SafetensorError|MetadataIncompleteBuffer|"
        r"InvalidHeader|HeaderTooLarge|HeaderTooSmall|Unterminated string starting at|"
        r"JSONDecodeError|Expecting (?:value|property name).{0,40}: line|not a valid JSON file",
        "a file of the model is damaged or not whole; fetch the model again",
    ),
    _Cause(
        r"Cannot find any model weights with `?([^`\s]+)",
        "there are no weights in {0}; fetch the model again",
    ),
    _Cause(
        r"[Cc]ouldn't instantiate the backend tokenizer|[Cc]an't load (?:the )?tokenizer|"
        r"[Tt]okenizer .{0,80}(?:not found|does not exist)|Failed to load the tokenizer|"
        r"Unable to load (?:vocabulary|tokenizer)|"
        r"(?:[Nn]o such file|does not appear to have a file named).{0,200}tokenizer\S*\.json",
        "the model has no tokenizer that can be read (tokenizer.json, tokenizer_config.json); "
        "fetch it again, with a revision that has them",
    ),
    # ---- the model, whether vLLM can run it, and with what it is told
    _Cause(
        r"Model architectures (\[[^\]]*\]) are not supported",
        "this vLLM does not know the architecture {0}; take another model, or a newer vLLM",
        for_good=True,
    ),
    _Cause(
        r"model type `?([\w.-]+)`? but Transformers does not recognize this architecture",
        "this transformers does not know the model type {0}; take another model, or newer packages",
        for_good=True,
    ),
    _Cause(
        r"Unknown quantization method: (\S+?)\.",
        "vLLM does not know the quantisation {0}; correct engine.quantization, or leave it out",
        for_good=True,
    ),
    _Cause(
        r"Quantization method specified in the model config \((\w+)\) does not match the "
        r"quantization method specified in the `quantization` argument \((\w+)\)",
        "the model is quantised as {0}, not as {1}; leave engine.quantization out",
        for_good=True,
    ),
    _Cause(
        r"Cannot find the config file for (\w+)",
        "the model was not quantised as {0}; leave engine.quantization out, or take one that was",
        for_good=True,
    ),
    _Cause(
        r"([\w.]+) is not supported for quantization method (\w+)",
        "quantisation {1} does not run in {0}; set engine.dtype to another",
        for_good=True,
    ),
    _Cause(
        r"[Qq]uantization method (\w+) is not supported for the current GPU\. "
        r"Minimum capability: (\d+)\. Current capability: (\d+)",
        "this GPU cannot run the quantisation {0} (it needs compute capability {1}, this is {2}); "
        "take another quantisation",
        for_good=True,
    ),
    _Cause(
        r"quantization is currently not supported",
        "this quantisation does not run on this machine; take another model, or leave "
        "engine.quantization out",
        for_good=True,
    ),
    _Cause(
        r"Bfloat16 is only supported on GPUs with compute capability of at least ([\d.]+)",
        "this GPU has no bfloat16 (it needs compute capability {0}); set engine.dtype: float16",
        for_good=True,
    ),
    _Cause(
        r"User-specified max_model_len \((\d+)\) is greater than the derived max_model_len "
        r"\([^)]*?=?(\d+)",
        "max_model_len {0} is more than the model's own {1}; lower it",
        for_good=True,
    ),
    _Cause(
        r"Total number of attention heads \((\d+)\) must be divisible by tensor parallel size "
        r"\((\d+)\)",
        "{1} GPUs cannot share the model's {0} attention heads; set tensor_parallel_size to a "
        "number that divides them",
        for_good=True,
    ),
    _Cause(
        r"contains custom code which must be executed",
        "the model needs code that comes with it, and such is never run; take another model",
        for_good=True,
    ),
    _Cause(
        r"Tool parser '([^']+)' not found|tool_parser:'([^']+)' which has not been registered",
        "this vLLM has no tool parser {0}; correct engine.tool_parser",
        for_good=True,
    ),
    _Cause(
        r"Reasoning parser '([^']+)' not found",
        "this vLLM has no reasoning parser {0}; correct engine.reasoning_parser",
        for_good=True,
    ),
    _Cause(
        r"chat template \((\S+)\) looks like a file path, but it failed to be opened",
        "there is no chat template {0}; correct engine.chat_template",
        for_good=True,
    ),
)

_KNOWN = tuple((re.compile(cause.pattern, re.DOTALL), cause) for cause in _CAUSES)

# What says only that something was said before
_HOLLOW = re.compile(
    r"[Ss]ee (?:stack trace|root cause)|stack trace above|died unexpectedly|SystemExit|"
    r"KeyboardInterrupt|cancelled|Executor failed|^$"
)
_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception|Exit|Interrupt)\b(?=:|$)")
_WRAPPING = re.compile(r"\d+ validation errors? for \w+\s+Value error, | \[type=.*", re.DOTALL)
_ENDS = re.compile(r"^(?:\d{4}-\d\d-\d\d |Traceback |\s*$|During handling|The above exception)")


# What an engine that was up says when one of its processes was killed, or raised: what the engine
# raised stands below, what a worker did stands before.
_FATAL = re.compile(
    r"^.*(?:died unexpectedly|EngineCore encountered a fatal error\.)", re.MULTILINE
)
_IN_WORKER = "WorkerProc hit an exception."
_KILLED = re.compile(r"died unexpectedly(?: \(exit code: (-?\d+)\))?")


def cause_of(raised: Sequence[str]) -> RootCause | None:
    """What was wrong and what mends it, of the first exception that is known; else the last one
    that says anything, as it stands. None where none says anything. `raised` may be many lines
    each."""
    for told in raised:
        for pattern, cause in _KNOWN:
            if (found := pattern.search(told)) is not None:
                groups = (group for group in found.groups() if group is not None)
                return RootCause(cause.told.format(*groups), cause.for_good)
    telling = [told for told in raised if not _HOLLOW.search(told)]
    return RootCause(_one_line(telling[-1])) if telling else None


def death_in(log: str, exit_code: int | None = None) -> str | None:
    """Why an engine that was up has died, by what its log says at its end, else by the exit code of
    its first process, where that was ended by a signal. None where neither tells."""
    if (fatal := _FATAL.search(log)) is not None:
        worker_at = log.rfind(_IN_WORKER, 0, fatal.start())
        last = log[fatal.start() if worker_at < 0 else worker_at :]
    elif exit_code is not None and exit_code < 0:
        last = f"died unexpectedly (exit code: {exit_code})"
    else:
        return None
    killed = _KILLED.search(last)
    cause = cause_of([*exceptions_in(last), "" if killed is None else killed[0]])
    if cause is not None:
        return cause.line
    status = f" with exit code {killed[1]}" if killed is not None and killed[1] else ""
    return None if killed is None else f"one of its processes ended{status}"


def exceptions_in(log: str) -> list[str]:
    """The exceptions that end the tracebacks of a log, each with all its lines, oldest first."""
    found: list[list[str]] = []
    inside = False
    for line in log.splitlines():
        if _RAISED.match(line):
            found.append([line])
            inside = True
        elif inside and not _ENDS.match(line):
            found[-1].append(line)
        else:
            inside = False
    return ["\n".join(lines) for lines in found]


def _one_line(told: str) -> str:
    """Without what pydantic puts around it."""
    return " ".join(_WRAPPING.sub("", told).split())[:400]
