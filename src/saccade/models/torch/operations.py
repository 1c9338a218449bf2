"""The operations that only compute: what a file may ask PyTorch to do without being trusted.

They make tensors, numbers, lists and strings out of others, and change at most what they were given. What is not listed
may read or write files (`from_file`, `save`), change PyTorch itself (`manual_seed`, `set_grad_enabled`), start threads,
print, or read and write memory that is not its own, since it leaves it to others to compare the sizes of what it is
given (`_sparse_coo_tensor_unsafe`, `_reshape_alias`, `_fft_r2c`, `native_batch_norm`, `_weight_norm`), end the process
(`divmod`, `__round_to_zero_floordiv` by 0), never end (`count`, `replace` of an empty text) or make a list as long as
a tensor is large (`tolist`). How long an operation takes and how much memory it needs is another question, which no
list can answer (`script_graphs`, `result_bound`); which numbers may be divided is another one, too
(`script_divisions`).
"""

from __future__ import annotations

_ARITHMETIC = """
    abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh
    atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil clamp
    clamp_max clamp_min clip copysign cos cosh deg2rad degrees digamma div divide eq erf erfc erfinv exp exp2
    expm1 fabs fix float_power floor floor_divide floordiv fmax fmin fmod frac ge greater greater_equal gt heaviside
    hypot i0 isclose isfinite isinf isnan isneginf isposinf isreal ldexp le lerp less less_equal lgamma log log10 log1p
    log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit lt mathremainder maximum minimum mul
    multiply nan_to_num ne neg negative nextafter not_equal positive pow rad2deg radians real imag reciprocal remainder
    round rsqrt rsub sgn sign signbit sin sinc sinh special_digamma special_entr special_erf special_erfc special_erfcx
    special_erfinv special_exp2 special_expit special_expm1 special_gammaln special_i0 special_i0e special_i1
    special_i1e special_log1p special_log_ndtr special_log_softmax special_logit special_logsumexp special_ndtr
    special_ndtri special_psi special_round special_sinc special_softmax special_xlog1py special_xlogy sqrt square sub
    subtract tan tanh true_divide trunc where xlogy
"""
_ACTIVATIONS = """
    _log_softmax _prelu_kernel _safe_softmax _softmax celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh
    leaky_relu log_sigmoid log_sigmoid_forward log_softmax mish prelu relu relu6 rrelu selu sigmoid silu softmax
    softplus softshrink threshold
"""
_LAYERS = """
    __interpolate __upsample __upsample_bilinear __upsample_nearest _adaptive_avg_pool2d _adaptive_avg_pool3d
    _batch_norm_impl_index _conv_depthwise2d _convolution _convolution_mode _fused_rms_norm
    _native_batch_norm_legit_no_training _native_multi_head_attention _pad_circular _pad_enum
    _scaled_dot_product_attention_math _scaled_dot_product_efficient_attention _scaled_dot_product_flash_attention
    _scaled_dot_product_flash_attention_for_cpu _transformer_encoder_layer_fwd _transform_bias_rescale_qkv
    _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_lanczos2d_aa _upsample_nearest_exact1d
    _upsample_nearest_exact2d _upsample_nearest_exact3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d affine_grid_generator alpha_dropout avg_pool1d
    avg_pool2d avg_pool3d batch_norm bilinear channel_shuffle col2im constant_pad_nd conv1d conv2d conv3d
    conv_depthwise3d conv_transpose1d conv_transpose2d conv_transpose3d convolution cosine_similarity cudnn_batch_norm
    dropout embedding feature_alpha_dropout feature_dropout fractional_max_pool2d grid_sampler grid_sampler_2d
    group_norm gru gru_cell im2col instance_norm layer_norm linear lstm lstm_cell max_pool1d max_pool1d_with_indices
    max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d mkldnn_max_pool2d
    native_channel_shuffle native_dropout native_group_norm native_layer_norm native_norm pad pixel_shuffle
    pixel_unshuffle reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d
    replication_pad3d rms_norm rnn_relu rnn_tanh scaled_dot_product_attention slow_conv3d thnn_conv2d upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d
"""
_REDUCTIONS = """
    _is_all_true _is_any_true all allclose amax amin aminmax any argmax argmin argsort argwhere bincount bucketize
    count_nonzero cummax cummin cumprod cumsum diff equal frobenius_norm histc is_nonzero kthvalue logcumsumexp
    logsumexp max mean median min mode msort nanmean nanmedian nansum nonzero norm norm_except_dim nuclear_norm prod
    quantile renorm searchsorted sort std std_mean sum topk trace unique_consecutive unique_dim var var_mean
"""
_PRODUCTS = """
    _trilinear addbmm addmm addmv addr baddbmm bmm cdist chain_matmul cross dot einsum ger inner inverse kron
    linalg_cholesky linalg_cross linalg_det linalg_eigh linalg_inv linalg_matmul linalg_matrix_norm linalg_multi_dot
    linalg_norm linalg_qr linalg_solve linalg_svd linalg_vecdot linalg_vector_norm matmul mm mv outer pairwise_distance
    tensordot vdot
"""
_SHAPES = """
    _reshape_from_tensor _shape_as_tensor _stack _to_copy _unsafe_index _unsafe_index_put _unsafe_view _unwrap_optional
    adjoint alias alias_copy as_strided atleast_1d atleast_2d atleast_3d broadcast_tensors broadcast_to cat chunk clone
    column_stack complex concat concatenate conj contiguous copy cpu data detach detach_copy diag diag_embed diagflat
    diagonal diagonal_copy dsplit dstack expand expand_as expand_copy fill fill_diagonal flatten flip fliplr flipud
    gather hsplit hstack index index_add index_copy index_fill index_put index_select lift lift_fresh lift_fresh_copy mH
    mT masked_fill masked_scatter masked_select matrix_H meshgrid moveaxis movedim narrow narrow_copy numpy_T permute
    permute_copy ravel repeat repeat_interleave requires_grad_ reshape reshape_as resolve_conj resolve_neg roll rot90
    row_stack scatter scatter_add scatter_reduce select select_copy select_scatter slice slice_copy slice_scatter split
    split_copy split_with_sizes split_with_sizes_copy squeeze squeeze_copy stack sum_to_size swapaxes swapdims t t_copy
    take take_along_dim tensor_split tile to transpose transpose_copy tril triu type_as unbind unbind_copy unflatten
    unfold unfold_copy unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_copy view view_as
    view_as_complex view_as_real view_copy vsplit vstack zero
"""
_TRANSFORMS = """
    fft_fft fft_fft2 fft_fftfreq fft_fftn fft_fftshift fft_ifft fft_ifft2 fft_ifftn fft_ifftshift fft_irfft fft_irfft2
    fft_irfftn fft_rfft fft_rfft2 fft_rfftfreq fft_rfftn polar
"""
_MAKING = """
    _efficientzerotensor arange as_tensor bartlett_window bernoulli blackman_window empty empty_like empty_permuted
    empty_strided exponential eye full full_like hamming_window hann_window linspace logspace multinomial new_empty
    new_empty_strided new_full new_ones new_zeros normal normal_functional one_hot ones ones_like rand rand_like randint
    randint_like randn randn_like random randperm range scalar_tensor tensor tril_indices triu_indices uniform vander
    zeros zeros_like
"""
_ABOUT_TENSORS = """
    _assert_async _assert_scalar _assert_tensor_metadata _autocast_to_full_precision _autocast_to_reduced_precision
    _debug_has_internal_overlap _functional_assert_async _functional_assert_scalar _functional_sym_constrain_range
    _functional_sym_constrain_range_for_size _local_scalar_dense dense_dim det device dim element_size
    get_autocast_dtype get_device is_autocast_cpu_enabled is_autocast_enabled is_coalesced is_complex is_conj
    is_contiguous is_floating_point is_grad_enabled is_inference is_leaf is_neg is_non_overlapping_and_dense is_pinned
    is_same_size is_scripting is_signed item numel result_type size storage_offset stride sym_constrain_range
    sym_constrain_range_for_size sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride
"""
_NUMBERS_LISTS_AND_STRINGS = """
    Bool Complex ComplexImplicit Delete Float FloatImplicit Int IntImplicit ScalarImplicit __and__ __contains__
    __derive_index __getitem__ __is__ __isnot__ __lshift__ __not__ __or__ __range_length
    __rshift__ __xor__ _infer_size _list_to_tensor _set_item _size_if_not_equal append capitalize clear
    dict endswith extend find format get has_torch_function index insert isalnum isalpha isdigit items join keys
    len list lower lstrip ord pop popitem remove reverse rfind rindex rstrip setdefault sorted split splitlines
    startswith str strip update upper values warn
"""

COMPUTING: frozenset[str] = frozenset(
    " ".join(
        (
            _ARITHMETIC,
            _ACTIVATIONS,
            _LAYERS,
            _REDUCTIONS,
            _PRODUCTS,
            _SHAPES,
            _TRANSFORMS,
            _MAKING,
            _ABOUT_TENSORS,
            _NUMBERS_LISTS_AND_STRINGS,
        )
    ).split()
)
"""Names in the namespace `aten`; the form that writes into its first argument (`relu_`) counts as the same."""

_PRIMITIVES = """
    CallFunction CallMethod Constant CreateObject DictConstruct EnumName EnumValue GetAttr If ListConstruct ListUnpack
    Loop ModuleContainerIndex NumToTensor RaiseException SetAttr StringIndex TupleConstruct TupleIndex TupleSlice
    TupleUnpack Uninitialized abs data device dtype index is_cpu is_cuda is_ipu is_maia is_meta is_mkldnn is_mps is_mtia
    is_nested is_quantized is_sparse is_sparse_csr is_vulkan is_xla is_xpu isinstance itemsize layout max min nbytes
    rangelist requires_grad type unchecked_cast unchecked_unwrap_optional
"""
_FUNCTIONS = """
    _operator.add _operator.and_ _operator.eq _operator.floordiv _operator.ge _operator.getitem _operator.gt
    _operator.le _operator.lt _operator.mod _operator.mul _operator.ne _operator.neg _operator.not_ _operator.or_
    _operator.pos _operator.sub _operator.truediv math.ceil math.floor math.trunc torch._sym_sqrt torch.sym_float
    torch.sym_int torch.sym_ite torch.sym_max torch.sym_min torch.sym_not torch.sym_sqrt
    torch.ops.higher_order.cond torch.ops.higher_order.invoke_subgraph
    torch.ops.higher_order.tag_activation_checkpoint torch.ops.higher_order.wrap_with_autocast
    torch.ops.higher_order.wrap_with_set_grad_enabled
"""

SCRIPT_PRIMITIVES: frozenset[str] = frozenset(_PRIMITIVES.split())
"""Names in the namespace `prim` of TorchScript."""

PROGRAM_FUNCTIONS: frozenset[str] = frozenset(_FUNCTIONS.split())
"""What else an exported program may call: arithmetic on sizes, and graphs of the program itself."""


def only_computes(name: str) -> bool:
    """Is this `aten` operation, without its overload, one of those listed?"""
    return name in COMPUTING or (name.endswith("_") and not name.endswith("__") and name[:-1] in COMPUTING)
