"""How kernels go through Numba's compiler: without what none of them needs, since a first run waits for it.

Nothing here changes the machine code. A kernel that only other kernels call becomes part of theirs, so none of its
own is made; what an operator gives for types that were seen already is remembered; passes over what kernels never
hold, closures or blocks of ``with``, are left out.
"""

from __future__ import annotations

import types as python
from typing import Any

import numpy as np
from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import types, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager

# What handles closures, `with`, `literal_unroll`, `literally` and functions that are inlined as Python.
_UNNEEDED = {
    untyped_passes.WithLifting,
    untyped_passes.InlineClosureLikes,
    untyped_passes.MakeFunctionToJitFunction,
    untyped_passes.InlineInlinables,
    untyped_passes.FindLiterallyCalls,
    untyped_passes.LiteralUnroll,
    untyped_passes.LiteralPropagationSubPipelinePass,
}


class Lean(CompilerBase):  # type: ignore[misc]
    """Numba's compiler for kernels that Python calls."""

    def define_pipelines(self) -> list[PassManager]:
        """The passes that this function needs."""
        self.state.flags.no_cfunc_wrapper = True  # for callbacks of C, of which there are none
        self.state.typingctx = _Remembering(self.state.typingctx)
        whole = DefaultPassBuilder.define_nopython_pipeline(self.state)  # type: ignore[no-untyped-call]
        if any(isinstance(constant, python.CodeType) for constant in self.state.func_id.code.co_consts):
            return [whole]  # holds a closure
        lean = PassManager("lean")  # type: ignore[no-untyped-call]
        lean.passes = [one for one in whole.passes if one[0] not in _UNNEEDED]
        lean.finalize()  # type: ignore[no-untyped-call]
        return [lean]


class Inner(Lean):
    """Numba's compiler for kernels that kernels call: optimised and linked into theirs, without code of their own."""

    def _compile_core(self) -> Any:
        result = super()._compile_core()  # type: ignore[no-untyped-call]
        # What calls it is found by a function object, which is the key and never called.
        about = result.fndesc
        module, name = about.lookup_module(), about.qualname.split(".")[-1]
        key = _dynfunc.make_function(module, name, "", 0, result.environment, (result.library,))
        result.target_context.insert_user_function(key, about, [result.library])
        return result._replace(entry_point=key)

    def define_pipelines(self) -> list[PassManager]:
        """The same passes, into a library that is not loaded."""
        # Set here and not as an option of the kernel, since what Numba keeps of its own functions goes by options.
        self.state.flags.no_compile = self.state.flags.no_cpython_wrapper = True
        name = self.state.func_id.func_qualname
        self.state.library = _Unloaded(self.state.targetctx.codegen(), name)  # type: ignore[no-untyped-call]
        return super().define_pipelines()


class _Unloaded(JITCodeLibrary):  # type: ignore[misc]
    """A library for linking alone: what it holds is optimised, and never becomes machine code by itself."""

    def _finalize_final_module(self) -> None:
        self._finalized = True


_typed: dict[tuple[Any, ...], Any] = {}


class _Remembering:
    """Numba's typing context, asked only once what an operator or a ufunc gives for some types.

    Kernels are arithmetic; half of the time of typing them went to the same few questions.
    """

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def resolve_function_type(self, function: Any, args: Any, kws: Any) -> Any:
        """The signature of a call."""
        if kws or not isinstance(function, types.Function) or not _arithmetic(function.typing_key):
            return self._context.resolve_function_type(function, args, kws)
        # By identity, since Numba notes at the object which implementation it chose; it is kept with the answer.
        key = (id(function), args)
        if key not in _typed:
            _typed[key] = (self._context.resolve_function_type(function, args, kws), function)
        return _typed[key][0]


def _arithmetic(key: Any) -> bool:
    return isinstance(key, np.ufunc) or getattr(key, "__module__", None) in ("_operator", "math")
