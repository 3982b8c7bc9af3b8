"""When Numba makes machine code: once for each kernel, and for nothing else.

By itself Numba optimizes every function, translates it to machine code, links it into what calls it, and optimizes and
translates that. The body of a `prange` goes through this four times: by itself, in two wrappers and in the kernel, the
only one of them that is ever called. Inside `whole_kernels` a function stays what it was written in, LLVM's language,
until somebody asks for its address or its machine code. A first training step waits for the compiler a third less.

The parts had another drawback. A call may run the copy of a body that was translated first, in a part, while the disk
keeps the copy in the kernel; and where two optimizations may reorder sums, the copies can differ in the last bit.

All this is inside Numba, and no promise of its authors: it was tried with Numba 0.61 to 0.68. Where a name is missing,
this module cannot be imported; where it means something else, a kernel cannot be compiled so. In either case
`compile.py` leaves the kernels to Numba alone, which takes longer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target
from numba.parfors import parfor_lowering


@contextmanager
def whole_kernels() -> Iterator[None]:
    """Have Numba make machine code inside the `with` block, under its compiler's lock, of what is asked for alone."""
    codegen = cpu_target.target_context.codegen()
    set_environment, lower_body = codegen.set_env, parfor_lowering._create_gufunc_for_parfor_body
    environments: dict[str, Any] = {}

    def set_environments(name: str, environment: Any) -> None:
        """Give a function the Python object that its exceptions need, once machine code has a place for it."""
        environments[name] = environment
        for each in list(environments):
            if codegen._engine.get_global_value_address(each):
                set_environment(each, environments.pop(each))

    def lower_bare_body(lowerer: Any, parfor: Any, *arguments: Any, **named: Any) -> Any:
        """The body of a `prange` needs no entrance from Python or C."""
        *types, flags = arguments[:4]
        flags = flags.copy()
        flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        return lower_body(lowerer, parfor, *types, flags, *arguments[4:], **named)

    try:
        codegen._library_class, codegen.set_env = _Part, set_environments
        parfor_lowering._create_gufunc_for_parfor_body = lower_bare_body
        yield
    finally:
        # Those of its class show again. One of them may not have been replaced: Numba may be made otherwise.
        for name in ("_library_class", "set_env"):
            vars(codegen).pop(name, None)
        parfor_lowering._create_gufunc_for_parfor_body = lower_body


class _Part(JITCodeLibrary):
    """The code of one function: optimized and translated when its address or its machine code is first asked for."""

    _translated = False

    def _optimize_final_module(self) -> None:
        """Leave it to `_translate`."""

    def _finalize_final_module(self) -> None:
        """Be complete, and ready to be linked into what calls it."""
        if self._translated:
            super()._finalize_final_module()
        self._finalized = True

    def _set_compiled_object(self, code: bytes) -> None:
        """Take over what another process translated, and kept on disk."""
        self._translated = True
        super()._set_compiled_object(code)

    def _translate(self) -> None:
        if not self._translated:
            self._translated = True
            super()._optimize_final_module()
            self._final_module.verify()
            super()._finalize_final_module()

    def get_pointer_to_function(self, name: str) -> int:
        """Return the address of the function called `name`, or 0 if it is none of this part's."""
        self._ensure_finalized()
        if not self._translated and not self._defines(name):
            return 0
        self._translate()
        return int(super().get_pointer_to_function(name))

    def _defines(self, name: str) -> bool:
        try:
            return not self._final_module.get_function(name).is_declaration
        except NameError:
            return False

    def _get_compiled_object(self) -> Any:
        self._translate()
        return super()._get_compiled_object()


# An AttributeError here says that this Numba is made otherwise.
for _name in (
    "_ensure_finalized",
    "_finalize_final_module",
    "_get_compiled_object",
    "_optimize_final_module",
    "_set_compiled_object",
    "get_pointer_to_function",
):
    getattr(JITCodeLibrary, _name)
parfor_lowering._create_gufunc_for_parfor_body  # noqa: B018
