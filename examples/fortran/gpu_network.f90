!> The network on an NVIDIA GPU: a step of training by cuDNN, in float32 or with TensorFloat-32 products.
!>
!> ReLU is its own derivative's mask, so the convolutions' sums before it are not kept, and the
!> gradient of the output becomes that of the loss by the factor that each derivative is computed with.
module gpu_network
   use, intrinsic :: iso_c_binding, only: c_float, c_int, c_null_ptr, c_ptr, c_size_t
   use, intrinsic :: iso_fortran_env, only: real32, real64
   use cuda, only: moved, on_gpu
   use cudnn
   use engine, only: named
   use plans, only: channels, filter_descriptor, new_plan, plan, tensor_descriptor
   implicit none
   private
   public :: network_on_gpu, new_network, prepare_network, train_step, address_of, parameters

   real(c_float), parameter :: zero = 0, one = 1
   integer, parameter :: parameters = 2625
   integer, parameter, public :: first_weight(3) = [0, 160, 2480]  !! of all parameters: multiples of 64 bytes
   integer, parameter, public :: first_bias(3) = [144, 2464, 2624]

   type :: network_on_gpu
      type(c_ptr) :: handle
      integer(c_int) :: math
      integer :: sides(2)
      type(c_ptr) :: weights, gradients
      type(c_ptr) :: relu(2), back(2), residual  !! activations, gradients before each, output - target
      type(c_ptr) :: filters(3), biases(3), all, number, relu_mode, norm
      type(plan), allocatable :: plans(:)
      logical :: fused = .true.  !! convolution, bias and ReLU in one call
   end type network_on_gpu

contains

   !> Return a network that computes in a stream.
   function new_network(stream, tf32) result(made)
      type(c_ptr), intent(in) :: stream
      logical, intent(in) :: tf32
      type(network_on_gpu) :: made
      integer :: i

      call check_cudnn(cudnnCreate(made%handle), 'starting cuDNN')
      call check_cudnn(cudnnSetStream(made%handle, stream), 'the stream')
      made%math = merge(tf32_math, float32_math, tf32)
      do i = 1, 3
         made%filters(i) = filter_descriptor(channels(i), channels(i - 1))
         made%biases(i) = tensor_descriptor(1, channels(i), 1, 1)
      end do
      made%all = tensor_descriptor(1, 1, 1, parameters)
      made%number = tensor_descriptor(1, 1, 1, 1)
      call check_cudnn(cudnnCreateActivationDescriptor(made%relu_mode), 'ReLU')
      call check_cudnn(cudnnSetActivationDescriptor(made%relu_mode, relu, 0_c_int, 0.0_real64), 'ReLU')
      call check_cudnn(cudnnCreateReduceTensorDescriptor(made%norm), 'a norm')
      call check_cudnn(cudnnSetReduceTensorDescriptor(made%norm, norm2, float32, 0_c_int, 0_c_int, 0_c_int), 'a norm')
   end function new_network

   !> Get memory for batches of at most these sides (nx, ny, 1, pairs).
   subroutine prepare_network(self, sides)
      type(network_on_gpu), intent(inout) :: self
      integer, intent(in) :: sides(4)
      integer(c_size_t) :: bytes
      integer :: i

      self%sides = sides(:2)
      bytes = 4 * product(int(sides, c_size_t))
      self%weights = on_gpu(4_c_size_t * parameters)
      self%gradients = on_gpu(4_c_size_t * parameters)
      self%residual = on_gpu(bytes)
      do i = 1, 2
         self%relu(i) = on_gpu(channels(i) * bytes)
         self%back(i) = on_gpu(channels(i) * bytes)
      end do
      allocate (self%plans(0))
   end subroutine prepare_network

   !> Move the weights against the gradient of a batch that lies on the GPU, as does the norm of its residual.
   subroutine train_step(self, pairs, noisy, target, norm, rate)
      type(network_on_gpu), intent(inout) :: self
      integer, intent(in) :: pairs
      type(c_ptr), intent(in) :: noisy, target, norm
      real(real32), intent(in) :: rate
      integer :: at

      at = plan_for(self, pairs)
      associate (p => self%plans(at))
         call forward(self, p, noisy)
         call compare(self, p, target, norm)
         call backward(self, p, noisy)
      end associate
      call check_cudnn(cudnnAddTensor(self%handle, -rate, self%all, self%gradients, one, self%all, self%weights), &
                       'moving the weights')
   end subroutine train_step

   !> Two convolutions with ReLU, and one without whose result lies where the residual will.
   subroutine forward(self, p, noisy)
      type(network_on_gpu), intent(inout) :: self
      type(plan), intent(in) :: p
      type(c_ptr), intent(in) :: noisy

      call hidden_layer(self, p, 1, noisy)
      call hidden_layer(self, p, 2, self%relu(1))
      call plain_layer(self, p, 3, self%relu(2), self%residual)
   end subroutine forward

   subroutine hidden_layer(self, p, i, x)
      type(network_on_gpu), intent(inout) :: self
      type(plan), intent(in) :: p
      integer, intent(in) :: i
      type(c_ptr), intent(in) :: x

      associate (y => self%relu(i), op => p%forward(i))
         if (self%fused) self%fused = 0 == cudnnConvolutionBiasActivationForward( &
            self%handle, one, p%tensors(i - 1), x, self%filters(i), weight(self, i), op%convolution, op%algorithm, &
            p%workspace, p%bytes, zero, p%tensors(i), y, self%biases(i), bias(self, i), self%relu_mode, p%tensors(i), y)
         if (self%fused) return  ! not every algorithm has this form
         call plain_layer(self, p, i, x, y)
         call check_cudnn(cudnnActivationForward(self%handle, self%relu_mode, one, p%tensors(i), y, zero, p%tensors(i), &
                                                 y), 'ReLU')
      end associate
   end subroutine hidden_layer

   subroutine plain_layer(self, p, i, x, y)
      type(network_on_gpu), intent(in) :: self
      type(plan), intent(in) :: p
      integer, intent(in) :: i
      type(c_ptr), intent(in) :: x, y

      associate (op => p%forward(i))
         call check_cudnn(cudnnConvolutionForward(self%handle, one, p%tensors(i - 1), x, self%filters(i), &
                                                  weight(self, i), op%convolution, op%algorithm, p%workspace, p%bytes, &
                                                  zero, p%tensors(i), y), 'a convolution')
      end associate
      call check_cudnn(cudnnAddTensor(self%handle, one, self%biases(i), bias(self, i), one, p%tensors(i), y), 'a bias')
   end subroutine plain_layer

   !> Subtract the target from the output, and take the norm of the difference: the root of the summed squares.
   subroutine compare(self, p, target, norm)
      type(network_on_gpu), intent(in) :: self
      type(plan), intent(in) :: p
      type(c_ptr), intent(in) :: target, norm

      call check_cudnn(cudnnAddTensor(self%handle, -one, p%tensors(3), target, one, p%tensors(3), self%residual), &
                       'the residual')
      call check_cudnn(cudnnReduceTensor(self%handle, self%norm, c_null_ptr, 0_c_size_t, p%workspace, p%bytes, one, &
                                         p%tensors(3), self%residual, zero, self%number, norm), 'the loss')
   end subroutine compare

   !> All gradients, from the last layer to the first.
   subroutine backward(self, p, noisy)
      type(network_on_gpu), intent(inout) :: self
      type(plan), intent(in) :: p
      type(c_ptr), intent(in) :: noisy
      real(c_float) :: scale

      scale = 2 / (real(p%pairs, c_float) * self%sides(1) * self%sides(2))
      call differentiate(self, p, 3, self%relu(2), self%residual, scale)
      call pass_back(self, p, 3, self%residual, scale)
      call differentiate(self, p, 2, self%relu(1), self%back(2), one)
      call pass_back(self, p, 2, self%back(2), one)
      call differentiate(self, p, 1, noisy, self%back(1), one)
   end subroutine backward

   !> Gradients of a layer's weights and biases, from what it read and the gradient of what it wrote.
   subroutine differentiate(self, p, i, x, dy, scale)
      type(network_on_gpu), intent(in) :: self
      type(plan), intent(in) :: p
      integer, intent(in) :: i
      type(c_ptr), intent(in) :: x, dy
      real(c_float), intent(in) :: scale

      associate (op => p%filter(i))
         call check_cudnn(cudnnConvolutionBackwardFilter(self%handle, scale, p%tensors(i - 1), x, p%tensors(i), dy, &
                                                         op%convolution, op%algorithm, p%workspace, p%bytes, zero, &
                                                         self%filters(i), moved(self%gradients, first_weight(i))), &
                          'the gradient of weights')
      end associate
      call check_cudnn(cudnnConvolutionBackwardBias(self%handle, scale, p%tensors(i), dy, zero, self%biases(i), &
                                                    moved(self%gradients, first_bias(i))), 'the gradient of biases')
   end subroutine differentiate

   !> Gradient of what a layer read, and through the ReLU before it.
   subroutine pass_back(self, p, i, dy, scale)
      type(network_on_gpu), intent(in) :: self
      type(plan), intent(in) :: p
      integer, intent(in) :: i
      type(c_ptr), intent(in) :: dy
      real(c_float), intent(in) :: scale

      associate (op => p%data(i), x => p%tensors(i - 1), y => self%relu(i - 1), dx => self%back(i - 1))
         call check_cudnn(cudnnConvolutionBackwardData(self%handle, scale, self%filters(i), weight(self, i), &
                                                       p%tensors(i), dy, op%convolution, op%algorithm, p%workspace, &
                                                       p%bytes, zero, x, dx), 'the gradient of an activation')
         call check_cudnn(cudnnActivationBackward(self%handle, self%relu_mode, one, x, y, x, dx, x, y, zero, x, dx), &
                          'the gradient of ReLU')
      end associate
   end subroutine pass_back

   !> Find what the last step made, by the names of the export; a null pointer for what is not kept.
   subroutine address_of(self, name, pairs, address, count)
      type(network_on_gpu), intent(in) :: self
      character(*), intent(in) :: name
      integer, intent(in) :: pairs
      type(c_ptr), intent(out) :: address
      integer, intent(out) :: count
      integer :: i

      address = c_null_ptr
      count = product(self%sides) * pairs
      if (name == 'output') address = self%residual
      do i = 1, 2
         if (name /= named('', 'relu', i)) cycle
         address = self%relu(i)
         count = count * channels(i)
      end do
      do i = 1, 3
         if (name == named('', 'weight', i)) address = weight(self, i)
         if (name == named('gradient_', 'weight', i)) address = moved(self%gradients, first_weight(i))
         if (index(name, named('', 'weight', i)) > 0) count = 9 * channels(i) * channels(i - 1)
         if (name == named('', 'bias', i)) address = bias(self, i)
         if (name == named('gradient_', 'bias', i)) address = moved(self%gradients, first_bias(i))
         if (index(name, named('', 'bias', i)) > 0) count = channels(i)
      end do
   end subroutine address_of

   !> Return which plan is for so many pairs: the last batch of an epoch may have fewer.
   integer function plan_for(self, pairs)
      type(network_on_gpu), intent(inout) :: self
      integer, intent(in) :: pairs

      do plan_for = 1, size(self%plans)
         if (self%plans(plan_for)%pairs == pairs) return
      end do
      self%plans = [self%plans, new_plan(self%handle, self%sides, pairs, self%filters, self%math, self%norm, self%number)]
   end function plan_for

   pure function weight(self, i) result(address)
      type(network_on_gpu), intent(in) :: self
      integer, intent(in) :: i
      type(c_ptr) :: address

      address = moved(self%weights, first_weight(i))
   end function weight

   pure function bias(self, i) result(address)
      type(network_on_gpu), intent(in) :: self
      integer, intent(in) :: i
      type(c_ptr) :: address

      address = moved(self%weights, first_bias(i))
   end function bias

end module gpu_network
