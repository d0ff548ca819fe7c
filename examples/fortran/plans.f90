!> How cuDNN is to compute batches of one shape: descriptors, and the fastest algorithm for each convolution.
module plans
   use, intrinsic :: iso_c_binding, only: c_int, c_null_ptr, c_ptr, c_size_t
   use arrays, only: give_up
   use cuda, only: check_cuda, cudaMalloc
   use cudnn
   implicit none
   private
   public :: operation, plan, new_plan, filter_descriptor, tensor_descriptor

   integer, parameter, public :: channels(0:3) = [1, 16, 16, 1]  !! before each layer and after the last
   integer(c_int), parameter :: asked = 8                         !! algorithms
   integer(c_size_t), parameter :: most_memory = 2_c_size_t**31   !! bytes

   !> A convolution, or a derivative of one, with the algorithm that was chosen for it.
   type :: operation
      type(c_ptr) :: convolution = c_null_ptr
      integer(c_int) :: algorithm
      integer(c_size_t) :: bytes
   end type operation

   type :: plan
      integer :: pairs = 0
      type(c_ptr) :: tensors(0:3)  !! what lies before each layer, and after the last
      type(operation) :: forward(3), filter(3), data(2:3)
      type(c_ptr) :: workspace
      integer(c_size_t) :: bytes
   end type plan

contains

   !> Return how to compute so many pairs; algorithms are measured, and those that sum in no fixed order left out.
   function new_plan(handle, sides, pairs, filters, math, norm, number) result(made)
      type(c_ptr), intent(in) :: handle, filters(3), norm, number  ! the last for the loss
      integer, intent(in) :: sides(2), pairs
      integer(c_int), intent(in) :: math
      type(plan) :: made
      integer(c_size_t) :: bytes
      integer :: i

      made%pairs = pairs
      do i = 0, 3
         made%tensors(i) = tensor_descriptor(pairs, channels(i), sides(2), sides(1))
      end do
      do i = 1, 3
         made%forward(i) = found(cudnnFindConvolutionForwardAlgorithm, handle, made%tensors(i - 1), filters(i), &
                                 made%tensors(i), math)
         made%filter(i) = found(cudnnFindConvolutionBackwardFilterAlgorithm, handle, made%tensors(i - 1), &
                                made%tensors(i), filters(i), math)
      end do
      do i = 2, 3
         made%data(i) = found(cudnnFindConvolutionBackwardDataAlgorithm, handle, filters(i), made%tensors(i), &
                              made%tensors(i - 1), math)
      end do
      call check_cudnn(cudnnGetReductionWorkspaceSize(handle, norm, made%tensors(3), number, bytes), 'memory for a norm')
      made%bytes = max(1_c_size_t, bytes, maxval([made%forward%bytes, made%filter%bytes, made%data%bytes]))
      call check_cuda(cudaMalloc(made%workspace, made%bytes), 'memory for cuDNN''s algorithms')
   end function new_plan

   function found(measure, handle, one, other, result, math) result(chosen)
      procedure(find) :: measure
      type(c_ptr), intent(in) :: handle, one, other, result
      integer(c_int), intent(in) :: math
      type(operation) :: chosen
      type(performance) :: measured(asked)
      integer(c_int) :: count, i
      integer :: pass

      call check_cudnn(cudnnCreateConvolutionDescriptor(chosen%convolution), 'a convolution')
      call check_cudnn(cudnnSetConvolution2dDescriptor(chosen%convolution, 1_c_int, 1_c_int, 1_c_int, 1_c_int, 1_c_int, &
                                                       1_c_int, cross_correlation, float32), 'a convolution')
      call check_cudnn(cudnnSetConvolutionMathType(chosen%convolution, math), 'the arithmetic of a convolution')
      call check_cudnn(measure(handle, one, other, chosen%convolution, result, asked, count, measured), &
                       'measuring algorithms')
      do pass = 1, 2
         do i = 1, count  ! the fastest first
            if (measured(i)%status /= 0 .or. measured(i)%determinism /= deterministic) cycle
            if (measured(i)%memory > most_memory) cycle
            if (pass == 1 .and. measured(i)%math /= math) cycle  ! others were measured too
            chosen%algorithm = measured(i)%algorithm
            chosen%bytes = measured(i)%memory
            return
         end do
      end do
      call give_up('cuDNN has no algorithm of fixed order for this convolution')
   end function found

   function tensor_descriptor(n, c, h, w) result(made)
      integer, intent(in) :: n, c, h, w
      type(c_ptr) :: made

      call check_cudnn(cudnnCreateTensorDescriptor(made), 'a tensor')
      call check_cudnn(cudnnSetTensor4dDescriptor(made, nchw, float32, int(n, c_int), int(c, c_int), int(h, c_int), &
                                                  int(w, c_int)), 'a tensor')
   end function tensor_descriptor

   function filter_descriptor(outputs, inputs) result(made)
      integer, intent(in) :: outputs, inputs
      type(c_ptr) :: made

      call check_cudnn(cudnnCreateFilterDescriptor(made), 'a kernel')
      call check_cudnn(cudnnSetFilter4dDescriptor(made, float32, nchw, int(outputs, c_int), int(inputs, c_int), 3_c_int, &
                                                  3_c_int), 'a kernel')
   end function filter_descriptor

end module plans
