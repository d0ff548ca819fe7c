!> Steps on an NVIDIA GPU by cuDNN, in float32 or with TensorFloat-32 products.
!>
!> Batches cross to the GPU in a stream of their own, while another computes. Nothing waits for a
!> loss before `loss_of` asks for it. ReLU is its own derivative's mask, so the convolutions' sums
!> before it are not kept, and the gradient of the output becomes that of the loss by the factor
!> that each derivative is computed with.
module cudnn_engine
   use, intrinsic :: iso_c_binding, only: c_f_pointer, c_float, c_int, c_intptr_t, c_loc, c_null_ptr, &
      c_ptr, c_size_t
   use, intrinsic :: iso_fortran_env, only: real32, real64
   use cuda
   use cudnn
   use engine, only: named, training_engine
   use network, only: layer
   use plans, only: channels, filter_descriptor, new_plan, plan, tensor_descriptor
   implicit none
   private
   public :: gpu_engine, new_gpu_engine

   real(c_float), parameter :: zero = 0, one = 1
   integer, parameter :: parameters = 2625
   integer, parameter :: first_weight(3) = [0, 160, 2480], first_bias(3) = [144, 2464, 2624]  !! multiples of 64 bytes

   !> A batch's way: where it is read to, where it lies on the GPU, and how far it is.
   type :: transfer_slot
      type(c_ptr) :: noisy_here, target_here, noisy, target, copied, done
   end type transfer_slot

   type, extends(training_engine) :: gpu_engine
      type(c_ptr) :: handle, computing, copying
      integer(c_int) :: math
      integer :: sides(4)
      real(real32) :: rate
      type(c_ptr) :: weights, gradients, norms
      type(c_ptr) :: relu(2), back(2), residual  !! activations, gradients before each, output - target
      real(c_float), pointer :: norms_here(:)
      type(transfer_slot), allocatable :: transfers(:)
      type(plan), allocatable :: plans(:)
      type(c_ptr) :: filters(3), biases(3), flat, number, relu_mode, norm
      integer, allocatable :: pairs(:)  !! of the batch in each slot
      integer :: last = 0               !! slot
      logical :: fused = .true.         !! convolution, bias and ReLU in one call
   contains
      procedure :: prepare
      procedure :: load
      procedure :: learn
      procedure :: loss_of
      procedure :: values
   end type gpu_engine

contains

   !> Return an engine on the first GPU; `why` is empty, or says in words what is missing.
   function new_gpu_engine(tf32, why) result(made)
      logical, intent(in) :: tf32
      character(:), allocatable, intent(out) :: why
      type(gpu_engine) :: made
      character(12) :: version
      integer :: i

      call load_cuda(why)
      if (why == '') call load_cudnn(why)
      if (why /= '') return
      call check_cudnn(cudnnCreate(made%handle), 'starting cuDNN')
      call check_cuda(cudaStreamCreate(made%computing), 'a stream')
      call check_cuda(cudaStreamCreate(made%copying), 'a stream')
      call check_cudnn(cudnnSetStream(made%handle, made%computing), 'the stream')
      made%math = merge(tf32_math, float32_math, tf32)
      do i = 1, 3
         made%filters(i) = filter_descriptor(channels(i), channels(i - 1))
         made%biases(i) = tensor_descriptor(1, channels(i), 1, 1)
      end do
      made%flat = tensor_descriptor(1, 1, 1, parameters)
      made%number = tensor_descriptor(1, 1, 1, 1)
      call check_cudnn(cudnnCreateActivationDescriptor(made%relu_mode), 'ReLU')
      call check_cudnn(cudnnSetActivationDescriptor(made%relu_mode, relu, 0_c_int, 0.0_real64), 'ReLU')
      call check_cudnn(cudnnCreateReduceTensorDescriptor(made%norm), 'a norm')
      call check_cudnn(cudnnSetReduceTensorDescriptor(made%norm, norm2, float32, 0_c_int, 0_c_int, 0_c_int), 'a norm')
      write (version, '(i0)') cudnnGetVersion()
      made%hardware = card()//', cuDNN '//trim(version)
      made%arithmetic = trim(merge('TensorFloat-32', 'float32       ', tf32))
      made%tolerance = merge(1e-2_real64, 1e-5_real64, tf32)
   end function new_gpu_engine

   subroutine prepare(self, sides, batches)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: sides(4), batches
      integer(c_size_t) :: bytes
      type(c_ptr) :: here
      integer :: i

      self%sides = sides
      bytes = 4 * product(int(sides, c_size_t))
      self%weights = on_gpu(4_c_size_t * parameters)
      self%gradients = on_gpu(4_c_size_t * parameters)
      self%norms = on_gpu(4_c_size_t * batches)
      self%residual = on_gpu(bytes)
      do i = 1, 2
         self%relu(i) = on_gpu(channels(i) * bytes)
         self%back(i) = on_gpu(channels(i) * bytes)
      end do
      call check_cuda(cudaMallocHost(here, 4_c_size_t * batches), 'page-locked memory')
      call c_f_pointer(here, self%norms_here, [batches])
      allocate (self%slots(batches), self%transfers(batches), self%pairs(batches), self%plans(0))
      do i = 1, batches
         call prepare_slot(self, i, bytes)
      end do
   end subroutine prepare

   subroutine prepare_slot(self, which, bytes)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: which
      integer(c_size_t), intent(in) :: bytes

      associate (t => self%transfers(which))
         call check_cuda(cudaMallocHost(t%noisy_here, bytes), 'page-locked memory')
         call check_cuda(cudaMallocHost(t%target_here, bytes), 'page-locked memory')
         call c_f_pointer(t%noisy_here, self%slots(which)%noisy, self%sides)
         call c_f_pointer(t%target_here, self%slots(which)%target, self%sides)
         t%noisy = on_gpu(bytes)
         t%target = on_gpu(bytes)
         call check_cuda(cudaEventCreate(t%copied), 'an event')
         call check_cuda(cudaEventCreate(t%done), 'an event')
      end associate
   end subroutine prepare_slot

   subroutine load(self, layers, rate)
      class(gpu_engine), intent(inout) :: self
      type(layer), intent(in) :: layers(3)
      real(real32), intent(in) :: rate
      real(c_float), target :: together(0:parameters - 1)
      integer :: i

      do i = 1, 3
         together(first_weight(i):first_weight(i) + size(layers(i)%weight) - 1) = &
            reshape(layers(i)%weight, [size(layers(i)%weight)])
         together(first_bias(i):first_bias(i) + size(layers(i)%bias) - 1) = layers(i)%bias
      end do
      call check_cuda(cudaMemcpyAsync(self%weights, c_loc(together), 4_c_size_t * parameters, to_device, &
                                      self%computing), 'sending weights')
      call check_cuda(cudaStreamSynchronize(self%computing), 'sending weights')
      self%rate = rate
   end subroutine load

   subroutine learn(self, which, pairs)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: which, pairs
      integer :: at

      at = plan_for(self, pairs)
      self%pairs(which) = pairs
      self%last = which
      call send(self, self%transfers(which), pairs)
      call forward(self, self%plans(at), self%transfers(which)%noisy)
      call compare(self, self%plans(at), which)
      call backward(self, self%plans(at), self%transfers(which)%noisy)
      call check_cudnn(cudnnAddTensor(self%handle, -self%rate, self%flat, self%gradients, one, self%flat, &
                                      self%weights), 'moving the weights')
      call check_cuda(cudaEventRecord(self%transfers(which)%done, self%computing), 'the end of a step')
   end subroutine learn

   !> Let a batch cross to the GPU, and let the step wait for it there.
   subroutine send(self, t, pairs)
      class(gpu_engine), intent(in) :: self
      type(transfer_slot), intent(in) :: t
      integer, intent(in) :: pairs
      integer(c_size_t) :: bytes

      bytes = 4_c_size_t * self%sides(1) * self%sides(2) * pairs
      call check_cuda(cudaMemcpyAsync(t%noisy, t%noisy_here, bytes, to_device, self%copying), 'sending a batch')
      call check_cuda(cudaMemcpyAsync(t%target, t%target_here, bytes, to_device, self%copying), 'sending a batch')
      call check_cuda(cudaEventRecord(t%copied, self%copying), 'sending a batch')
      call check_cuda(cudaStreamWaitEvent(self%computing, t%copied, 0_c_int), 'waiting for a batch')
   end subroutine send

   !> Two convolutions with ReLU, and one without whose result lies where the residual will.
   subroutine forward(self, p, noisy)
      class(gpu_engine), intent(inout) :: self
      type(plan), intent(in) :: p
      type(c_ptr), intent(in) :: noisy

      call hidden_layer(self, p, 1, noisy)
      call hidden_layer(self, p, 2, self%relu(1))
      call plain_layer(self, p, 3, self%relu(2), self%residual)
   end subroutine forward

   subroutine hidden_layer(self, p, i, x)
      class(gpu_engine), intent(inout) :: self
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
      class(gpu_engine), intent(in) :: self
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

   !> Subtract the target from the output, and let the norm of the difference come back.
   subroutine compare(self, p, which)
      class(gpu_engine), intent(inout) :: self
      type(plan), intent(in) :: p
      integer, intent(in) :: which
      type(c_ptr) :: norm

      norm = moved(self%norms, which - 1)
      call check_cudnn(cudnnAddTensor(self%handle, -one, p%tensors(3), self%transfers(which)%target, one, p%tensors(3), &
                                      self%residual), 'the residual')
      call check_cudnn(cudnnReduceTensor(self%handle, self%norm, c_null_ptr, 0_c_size_t, p%workspace, &
                                         p%bytes, one, p%tensors(3), self%residual, zero, self%number, &
                                         norm), 'the loss')
      call check_cuda(cudaMemcpyAsync(c_loc(self%norms_here(which)), norm, 4_c_size_t, to_host, self%computing), &
                      'fetching the loss')
   end subroutine compare

   !> All gradients, from the last layer to the first.
   subroutine backward(self, p, noisy)
      class(gpu_engine), intent(inout) :: self
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
      class(gpu_engine), intent(in) :: self
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
      class(gpu_engine), intent(in) :: self
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

   function loss_of(self, which) result(loss)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: which
      real(real64) :: loss

      call check_cuda(cudaEventSynchronize(self%transfers(which)%done), 'a step')
      loss = real(self%norms_here(which), real64)**2 / (real(self%pairs(which), real64) * self%sides(1) * self%sides(2))
   end function loss_of

   function values(self, name) result(found)
      class(gpu_engine), intent(inout) :: self
      character(*), intent(in) :: name
      real(real32), allocatable :: found(:)
      integer :: i, pixels

      allocate (found(0))
      pixels = self%sides(1) * self%sides(2) * self%pairs(self%last)
      if (name == 'output') found = fetched(self, self%residual, pixels) + &
         reshape(self%slots(self%last)%target(:, :, :, :self%pairs(self%last)), [pixels])
      do i = 1, 3
         if (i < 3) then
            if (name == named('', 'relu', i)) found = fetched(self, self%relu(i), pixels * channels(i))
         end if
         if (name == named('', 'weight', i)) found = fetched(self, weight(self, i), 9 * channels(i) * channels(i - 1))
         if (name == named('', 'bias', i)) found = fetched(self, bias(self, i), channels(i))
         if (name == named('gradient_', 'weight', i)) &
            found = fetched(self, moved(self%gradients, first_weight(i)), 9 * channels(i) * channels(i - 1))
         if (name == named('gradient_', 'bias', i)) found = fetched(self, moved(self%gradients, first_bias(i)), channels(i))
      end do
   end function values

   !> Return numbers that lie on the GPU.
   function fetched(self, from, count) result(found)
      class(gpu_engine), intent(in) :: self
      type(c_ptr), intent(in) :: from
      integer, intent(in) :: count
      real(real32), allocatable, target :: found(:)

      allocate (found(count))
      call check_cuda(cudaMemcpyAsync(c_loc(found), from, 4_c_size_t * count, to_host, self%computing), 'fetching values')
      call check_cuda(cudaStreamSynchronize(self%computing), 'fetching values')
   end function fetched

   !> Return which plan is for so many pairs: the last batch of an epoch may have fewer.
   integer function plan_for(self, pairs)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: pairs

      do plan_for = 1, size(self%plans)
         if (self%plans(plan_for)%pairs == pairs) return
      end do
      self%plans = [self%plans, new_plan(self%handle, self%sides(:2), pairs, self%filters, self%math, self%norm, self%number)]
   end function plan_for

   function on_gpu(bytes) result(made)
      integer(c_size_t), intent(in) :: bytes
      type(c_ptr) :: made

      call check_cuda(cudaMalloc(made, bytes), 'memory of the GPU')
   end function on_gpu

   pure function weight(self, i) result(address)
      class(gpu_engine), intent(in) :: self
      integer, intent(in) :: i
      type(c_ptr) :: address

      address = moved(self%weights, first_weight(i))
   end function weight

   pure function bias(self, i) result(address)
      class(gpu_engine), intent(in) :: self
      integer, intent(in) :: i
      type(c_ptr) :: address

      address = moved(self%weights, first_bias(i))
   end function bias

   !> Return the address so many float32 numbers further on.
   pure function moved(address, by) result(further)
      type(c_ptr), intent(in) :: address
      integer, intent(in) :: by
      type(c_ptr) :: further

      further = transfer(transfer(address, 0_c_intptr_t) + 4_c_intptr_t * by, further)
   end function moved

end module cudnn_engine
