!> The functions of cuDNN that the network needs, in C's own names and order (cuDNN 8 and 9).
module cudnn
   use, intrinsic :: iso_c_binding, only: c_associated, c_double, c_f_procpointer, c_float, c_int, c_ptr, c_size_t
   use arrays, only: give_up
   use cuda, only: text_at
   use libraries, only: function_of, opened
   implicit none
   private
   public :: load_cudnn, check_cudnn, performance, find
   public :: cudnnCreate, cudnnSetStream, cudnnGetVersion
   public :: cudnnCreateTensorDescriptor, cudnnCreateFilterDescriptor, cudnnCreateConvolutionDescriptor
   public :: cudnnCreateActivationDescriptor, cudnnCreateReduceTensorDescriptor
   public :: cudnnSetTensor4dDescriptor, cudnnSetFilter4dDescriptor, cudnnSetConvolution2dDescriptor
   public :: cudnnSetConvolutionMathType, cudnnSetActivationDescriptor, cudnnSetReduceTensorDescriptor
   public :: cudnnFindConvolutionForwardAlgorithm, cudnnFindConvolutionBackwardFilterAlgorithm
   public :: cudnnFindConvolutionBackwardDataAlgorithm, cudnnGetReductionWorkspaceSize
   public :: cudnnConvolutionBiasActivationForward, cudnnConvolutionForward, cudnnConvolutionBackwardFilter
   public :: cudnnConvolutionBackwardData, cudnnConvolutionBackwardBias, cudnnActivationForward
   public :: cudnnActivationBackward, cudnnAddTensor, cudnnReduceTensor
   public :: float32, nchw, cross_correlation, relu, norm2, tf32_math, float32_math, deterministic

   !> Values of cuDNN's enumerations.
   integer(c_int), parameter :: float32 = 0, nchw = 0, cross_correlation = 1, relu = 1, norm2 = 7
   integer(c_int), parameter :: tf32_math = 0, float32_math = 3, deterministic = 1

   !> What was measured of an algorithm: cudnnConvolutionFwdAlgoPerf_t and its two brothers.
   type, bind(c) :: performance
      integer(c_int) :: algorithm, status
      real(c_float) :: time
      integer(c_size_t) :: memory
      integer(c_int) :: determinism, math, reserved(3)
   end type performance

   abstract interface
      integer(c_int) function create(made) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), intent(out) :: made
      end function create

      integer(c_int) function set_stream(handle, stream) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: handle, stream
      end function set_stream

      integer(c_size_t) function version() bind(c)
         import :: c_size_t
      end function version

      type(c_ptr) function text_of(status) bind(c)
         import :: c_int, c_ptr
         integer(c_int), value :: status
      end function text_of

      integer(c_int) function set_shape(descriptor, first, second, n, c, h, w) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: descriptor
         integer(c_int), value :: first, second, n, c, h, w
      end function set_shape

      integer(c_int) function set_convolution(descriptor, pad_h, pad_w, u, v, dilation_h, dilation_w, mode, type) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: descriptor
         integer(c_int), value :: pad_h, pad_w, u, v, dilation_h, dilation_w, mode, type
      end function set_convolution

      integer(c_int) function set_math(descriptor, math) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: descriptor
         integer(c_int), value :: math
      end function set_math

      integer(c_int) function set_activation(descriptor, mode, nan, ceiling) bind(c)
         import :: c_double, c_int, c_ptr
         type(c_ptr), value :: descriptor
         integer(c_int), value :: mode, nan
         real(c_double), value :: ceiling
      end function set_activation

      integer(c_int) function set_reduction(descriptor, op, type, nan, indices, index_type) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: descriptor
         integer(c_int), value :: op, type, nan, indices, index_type
      end function set_reduction

      !> Of forward: x, w, convolution, y; backward filter: x, dy, convolution, dw; backward data: w, dy, convolution, dx.
      integer(c_int) function find(handle, one, other, convolution, result, asked, found, performances) bind(c)
         import :: c_int, c_ptr, performance
         type(c_ptr), value :: handle, one, other, convolution, result
         integer(c_int), value :: asked
         integer(c_int), intent(out) :: found
         type(performance), intent(inout) :: performances(*)
      end function find

      integer(c_int) function get_size(handle, reduction, a, c, bytes) bind(c)
         import :: c_int, c_ptr, c_size_t
         type(c_ptr), value :: handle, reduction, a, c
         integer(c_size_t), intent(out) :: bytes
      end function get_size

      !> The three convolutions; operands and descriptors in the order of `find`.
      integer(c_int) function convolve(handle, alpha, one_desc, one, other_desc, other, convolution, algorithm, &
                                       workspace, bytes, beta, result_desc, result) bind(c)
         import :: c_float, c_int, c_ptr, c_size_t
         type(c_ptr), value :: handle, one_desc, one, other_desc, other, convolution, workspace, result_desc, result
         real(c_float), intent(in) :: alpha, beta
         integer(c_int), value :: algorithm
         integer(c_size_t), value :: bytes
      end function convolve

      integer(c_int) function convolve_all(handle, alpha, x_desc, x, w_desc, w, convolution, algorithm, workspace, &
                                           bytes, alpha2, z_desc, z, bias_desc, bias, activation, y_desc, y) bind(c)
         import :: c_float, c_int, c_ptr, c_size_t
         type(c_ptr), value :: handle, x_desc, x, w_desc, w, convolution, workspace, z_desc, z, bias_desc, bias, &
            activation, y_desc, y
         real(c_float), intent(in) :: alpha, alpha2
         integer(c_int), value :: algorithm
         integer(c_size_t), value :: bytes
      end function convolve_all

      !> Add a tensor to another, or sum one up to a bias.
      integer(c_int) function add(handle, alpha, a_desc, a, beta, c_desc, c) bind(c)
         import :: c_float, c_int, c_ptr
         type(c_ptr), value :: handle, a_desc, a, c_desc, c
         real(c_float), intent(in) :: alpha, beta
      end function add

      integer(c_int) function activate(handle, activation, alpha, x_desc, x, beta, y_desc, y) bind(c)
         import :: c_float, c_int, c_ptr
         type(c_ptr), value :: handle, activation, x_desc, x, y_desc, y
         real(c_float), intent(in) :: alpha, beta
      end function activate

      integer(c_int) function activate_back(handle, activation, alpha, y_desc, y, dy_desc, dy, x_desc, x, beta, &
                                            dx_desc, dx) bind(c)
         import :: c_float, c_int, c_ptr
         type(c_ptr), value :: handle, activation, y_desc, y, dy_desc, dy, x_desc, x, dx_desc, dx
         real(c_float), intent(in) :: alpha, beta
      end function activate_back

      integer(c_int) function reduce(handle, reduction, indices, index_bytes, workspace, bytes, alpha, a_desc, a, &
                                     beta, c_desc, c) bind(c)
         import :: c_float, c_int, c_ptr, c_size_t
         type(c_ptr), value :: handle, reduction, indices, workspace, a_desc, a, c_desc, c
         integer(c_size_t), value :: index_bytes, bytes
         real(c_float), intent(in) :: alpha, beta
      end function reduce
   end interface

   procedure(create), pointer :: cudnnCreate, cudnnCreateTensorDescriptor, cudnnCreateFilterDescriptor, &
      cudnnCreateConvolutionDescriptor, cudnnCreateActivationDescriptor, cudnnCreateReduceTensorDescriptor
   procedure(set_stream), pointer :: cudnnSetStream
   procedure(version), pointer :: cudnnGetVersion
   procedure(text_of), pointer :: cudnnGetErrorString
   procedure(set_shape), pointer :: cudnnSetTensor4dDescriptor, cudnnSetFilter4dDescriptor
   procedure(set_convolution), pointer :: cudnnSetConvolution2dDescriptor
   procedure(set_math), pointer :: cudnnSetConvolutionMathType
   procedure(set_activation), pointer :: cudnnSetActivationDescriptor
   procedure(set_reduction), pointer :: cudnnSetReduceTensorDescriptor
   procedure(find), pointer :: cudnnFindConvolutionForwardAlgorithm, cudnnFindConvolutionBackwardFilterAlgorithm, &
      cudnnFindConvolutionBackwardDataAlgorithm
   procedure(get_size), pointer :: cudnnGetReductionWorkspaceSize
   procedure(convolve), pointer :: cudnnConvolutionForward, cudnnConvolutionBackwardFilter, cudnnConvolutionBackwardData
   procedure(convolve_all), pointer :: cudnnConvolutionBiasActivationForward
   procedure(add), pointer :: cudnnConvolutionBackwardBias, cudnnAddTensor
   procedure(activate), pointer :: cudnnActivationForward
   procedure(activate_back), pointer :: cudnnActivationBackward
   procedure(reduce), pointer :: cudnnReduceTensor

contains

   !> Find the library; `why` is empty, or says in words what is not there.
   subroutine load_cudnn(why)
      character(:), allocatable, intent(out) :: why
      type(c_ptr) :: it

      it = opened([character(14) :: 'libcudnn.so.9', 'libcudnn.so.8', 'libcudnn.so'])
      why = 'no libcudnn.so where the loader looks'
      if (.not. c_associated(it)) return
      why = ''
      call c_f_procpointer(function_of(it, 'cudnnCreate', why), cudnnCreate)
      call c_f_procpointer(function_of(it, 'cudnnCreateTensorDescriptor', why), cudnnCreateTensorDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnCreateFilterDescriptor', why), cudnnCreateFilterDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnCreateConvolutionDescriptor', why), &
                           cudnnCreateConvolutionDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnCreateActivationDescriptor', why), &
                           cudnnCreateActivationDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnCreateReduceTensorDescriptor', why), &
                           cudnnCreateReduceTensorDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnSetStream', why), cudnnSetStream)
      call c_f_procpointer(function_of(it, 'cudnnGetVersion', why), cudnnGetVersion)
      call c_f_procpointer(function_of(it, 'cudnnGetErrorString', why), cudnnGetErrorString)
      call c_f_procpointer(function_of(it, 'cudnnSetTensor4dDescriptor', why), cudnnSetTensor4dDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnSetFilter4dDescriptor', why), cudnnSetFilter4dDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnSetConvolution2dDescriptor', why), &
                           cudnnSetConvolution2dDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnSetConvolutionMathType', why), cudnnSetConvolutionMathType)
      call c_f_procpointer(function_of(it, 'cudnnSetActivationDescriptor', why), cudnnSetActivationDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnSetReduceTensorDescriptor', why), &
                           cudnnSetReduceTensorDescriptor)
      call c_f_procpointer(function_of(it, 'cudnnFindConvolutionForwardAlgorithm', why), &
                           cudnnFindConvolutionForwardAlgorithm)
      call c_f_procpointer(function_of(it, 'cudnnFindConvolutionBackwardFilterAlgorithm', why), &
                           cudnnFindConvolutionBackwardFilterAlgorithm)
      call c_f_procpointer(function_of(it, 'cudnnFindConvolutionBackwardDataAlgorithm', why), &
                           cudnnFindConvolutionBackwardDataAlgorithm)
      call c_f_procpointer(function_of(it, 'cudnnGetReductionWorkspaceSize', why), &
                           cudnnGetReductionWorkspaceSize)
      call c_f_procpointer(function_of(it, 'cudnnConvolutionForward', why), cudnnConvolutionForward)
      call c_f_procpointer(function_of(it, 'cudnnConvolutionBackwardFilter', why), &
                           cudnnConvolutionBackwardFilter)
      call c_f_procpointer(function_of(it, 'cudnnConvolutionBackwardData', why), cudnnConvolutionBackwardData)
      call c_f_procpointer(function_of(it, 'cudnnConvolutionBiasActivationForward', why), &
                           cudnnConvolutionBiasActivationForward)
      call c_f_procpointer(function_of(it, 'cudnnConvolutionBackwardBias', why), cudnnConvolutionBackwardBias)
      call c_f_procpointer(function_of(it, 'cudnnAddTensor', why), cudnnAddTensor)
      call c_f_procpointer(function_of(it, 'cudnnActivationForward', why), cudnnActivationForward)
      call c_f_procpointer(function_of(it, 'cudnnActivationBackward', why), cudnnActivationBackward)
      call c_f_procpointer(function_of(it, 'cudnnReduceTensor', why), cudnnReduceTensor)
   end subroutine load_cudnn

   !> End the program in words where a function failed.
   subroutine check_cudnn(status, what)
      integer(c_int), intent(in) :: status
      character(*), intent(in) :: what

      if (status /= 0) call give_up(what//': '//text_at(cudnnGetErrorString(status)))
   end subroutine check_cudnn

end module cudnn
